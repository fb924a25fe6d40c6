"""A task store, endpoints, and streamers in this process over them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from redis.asyncio import Redis

from services.packets.endpoints.opening import Endpoints
from services.packets.endpoints.port import PacketStore
from services.runtime.settings import load
from services.runtime.tickets import Tickets
from services.streamer.app import run
from services.streamer.settings import StreamerSettings
from tests.servers.ports import free_ports
from tests.streamer.play import Play
from tests.streamer.watching import Watching

SECRET = "a-ticket-secret-of-32-characters!"


class Streamer:
    """A streamer that runs."""

    def __init__(self, settings: StreamerSettings, stage: "Stage") -> None:
        self.settings = settings
        self.port = settings.streamer_port
        self._stage = stage
        self._stop = asyncio.Event()
        self._started = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return when it serves."""
        tasks, endpoints = self._stage.tasks, self._stage.endpoints
        running = run(
            self.settings, self._stop, tasks=tasks, endpoints=endpoints, started=self._started.set
        )
        self._task = asyncio.create_task(running)
        serving = asyncio.create_task(self._started.wait())
        await asyncio.wait((self._task, serving), return_when=asyncio.FIRST_COMPLETED)
        serving.cancel()
        if self._task.done():
            self._task.result()

    async def stop(self) -> None:
        """Drain it."""
        self._stop.set()
        if self._task is not None:
            async with asyncio.timeout(30):
                await self._task

    def page(self, path: str) -> str:
        """An operators' page; blocks, so call it in a thread."""
        url = f"http://127.0.0.1:{self.port}{path}"
        try:
            with urlopen(url, timeout=5) as answer:
                return str(answer.read().decode())
        except HTTPError as error:
            with error:
                return f"{error.code} {error.read().decode()}"

    def viewer(self, play: Play, *, ticket: str | None = None, **options: Any) -> Watching:
        """A viewer of a capture, not yet connected."""
        token = ticket if ticket is not None else self._stage.ticket(play.session)
        return Watching(self.port, play.session, token, **options)


class Stage:
    """What streamers and captures share."""

    def __init__(self, tasks: Redis, endpoints: Endpoints, folder: Path) -> None:
        self.tasks = tasks
        self.endpoints = endpoints
        self.folder = folder
        self._plays = 0
        self._stack = AsyncExitStack()

    @property
    def store(self) -> PacketStore:
        """The first endpoint."""
        return self.endpoints.first

    def ticket(self, session: str, seconds: float = 60) -> str:
        """A ticket for a session."""
        return Tickets(SECRET).sign(session, "somebody", timedelta(seconds=seconds))[0]

    async def play(self, *, running: bool = True, endpoint: str | None = None) -> Play:
        """A new capture."""
        name = endpoint or self.endpoints.first_name
        play = Play(self.store, self.tasks, name, self._plays)
        self._plays += 1
        await play.request()
        if endpoint is not None:
            play.blocks = self.endpoints.get(endpoint)
        if running:
            await play.run()
        return play

    async def streamer(self, **settings: Any) -> Streamer:
        """A new streamer, which is drained at the end of the test."""
        given = {"data": self.folder, "ticket_secret": SECRET, "streamer_port": free_ports(1)[0]}
        streamer = Streamer(load(StreamerSettings, **{**given, **settings}), self)
        await streamer.start()
        self._stack.push_async_callback(streamer.stop)
        return streamer

    @asynccontextmanager
    async def lit(self) -> AsyncIterator["Stage"]:
        """The stage, until its streamers are drained and all is closed."""
        await self.store.prepare()
        try:
            yield self
        finally:
            await self._stack.aclose()
            await self.endpoints.close()
            await self.tasks.aclose()
