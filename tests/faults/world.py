"""Where a fault happens: a stack of real services on real servers, and what they show."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, Self

from tests.support.outside import Rest
from tests.support.plain_http import plain_client
from tests.support.servers import Place, Servers
from tests.support.stack import RESOURCE, Process, Stack
from tests.support.wait import until

KEEPALIVE = 1.0
LEASE = 3 * KEEPALIVE
MANY = 50
"""Services `s0` … on loopback besides `lo`, each with a small ring."""


class World:
    """One stack on the servers; `full` asks for full length."""

    def __init__(
        self, servers: Servers, folder: Path, *, full: bool = False, **settings: str
    ) -> None:
        self.servers = servers
        self.folder = folder
        self.full = full
        self.random = Random(0)
        self.place: Place = servers.place()
        self.peaks: dict[str, int] = {}
        """The most bytes of memory that services held which were killed, by the names of their
        logs."""
        self._held = AsyncExitStack()
        self._settings = settings

    async def __aenter__(self) -> Self:
        services = self.folder / "watched.toml"
        services.write_text(self.services())
        usual = {
            "CAPFLOW_KEEPALIVE": f"{KEEPALIVE:g}",
            "CAPFLOW_SERVICES": str(services),
            "CAPFLOW_RING": "2MiB",
            "CAPFLOW_STARTS_PER_MINUTE": "100000",
        }
        self.stack = Stack(self.folder, self.place.environment, **{**usual, **self._settings})
        self._held.callback(self.stack.close)
        try:
            await self.adjust(self._held)
            await asyncio.to_thread(self.stack.start)
            self.rest = await self._held.enter_async_context(Rest(self.stack))
        except BaseException:
            await self._held.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._held.aclose()

    def services(self) -> str:
        """The agent's services file."""
        names = ("lo", *(f"s{number}" for number in range(MANY)))
        return "".join(f'[services.{name}]\ninterface = "lo"\n' for name in names)

    async def adjust(self, held: AsyncExitStack) -> None:
        """Change `self.stack.processes` before they start, such as what is between them and a
        server; `held` ends with this world."""

    def choose(self, seed: int) -> None:
        """From now on all chance comes from this seed."""
        self.random = Random(seed)

    def pick(self, full: float, core: float) -> float:
        """A figure of the full length, or of the core set."""
        return full if self.full else core

    def in_time(self, seconds: float, most: float) -> bool:
        """Whether something took no longer than it may; in the core set, which shares its machine
        with other tests, three times as long."""
        return seconds <= most * self.pick(1, 3)

    @property
    def agent(self) -> Process:
        """The agent of `RESOURCE`."""
        return self.stack.processes["agent"]

    @asynccontextmanager
    async def second_agent(self, resource: str, **changes: str) -> AsyncIterator[Process]:
        """One more agent, online, under a name of its own."""
        folder = self.folder / resource
        changes = {"CAPFLOW_RESOURCE": resource, "CAPFLOW_DATA": str(folder), **changes}
        process = self.stack.process("agent", f"agent-{resource}", **changes)
        try:
            await asyncio.to_thread(process.start)
            await self.online(resource)
            yield process
        finally:
            self.kill(process)

    def kill(self, process: Process) -> None:
        """SIGKILL a service, as a crash would; how large it was is remembered."""
        if alive(process):
            name = process.log.stem
            self.peaks[name] = max(self.peaks.get(name, 0), resident(process, peak=True))
        process.kill()

    async def online(self, resource: str = RESOURCE) -> None:
        """Wait until the API shows an agent online."""

        async def is_online() -> bool:
            answer = await self.rest.http.get(f"/v1/resources/{resource}")
            return answer.status_code == 200 and bool(answer.json()["online"])

        await until(is_online, 30, every=0.1)

    def records(self) -> list[dict[str, Any]]:
        """Every capture in the store, as its document is."""
        with self.place.mongo() as client:
            return list(client[self.place.database].sessions.find())


async def metrics(process: Process) -> Mapping[str, float]:
    """What a service shows at `/metrics`, by name with labels."""
    async with plain_client(timeout=5) as client:
        text = (await client.get(f"http://127.0.0.1:{process.port}/metrics")).text
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in lines}


def resident(process: Process, *, peak: bool = False) -> int:
    """Bytes of memory that a service holds, or held at its most."""
    assert process.child is not None
    name = "VmHWM:" if peak else "VmRSS:"
    lines = Path(f"/proc/{process.child.pid}/status").read_text().splitlines()
    found = next((line.split()[1] for line in lines if line.startswith(name)), "0")
    return int(found) * 1024


def alive(process: Process) -> bool:
    """Whether a process runs."""
    return process.child is not None and process.child.poll() is None
