"""Dispatchers at work, and a client of theirs that sees all they do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from redis.asyncio import Redis

from contracts.commands import CommandReply, StartCapture, StopCapture
from contracts.record import Hash, capture_of
from contracts.task import Capture, Task, TaskState
from contracts.topology import (
    COMMAND_REPLY,
    COMMANDS,
    DEAD_QUEUE,
    DEAD_REASON_HEADER,
    START_CAPTURE,
    STOP_CAPTURE,
    TASK_EVENT,
    gateway_events_queue,
    start_key,
    stop_key,
    task_key,
)
from services.dispatcher.app import run
from services.dispatcher.settings import DispatcherSettings
from services.dispatcher.timing import Timing
from services.packets.endpoints.opening import Endpoints, open_endpoints
from services.packets.endpoints.port import PacketStore
from services.runtime.bus.codec import decode, encode
from services.runtime.bus.memory import MemoryBus
from services.runtime.bus.opening import open_bus
from services.runtime.bus.port import Bus, Incoming
from services.runtime.bus.requests import Requests
from services.runtime.redis import open_tasks
from services.runtime.settings import load
from tests.dispatcher.fake_agent import FakeAgent
from tests.support.wait import until

QUICK = Timing(answer=30, grace=0.5, reap=0.05, sweep=0.3, retain=0.2)


@dataclass
class Arena:
    """Where dispatchers, agents and clients meet."""

    settings: DispatcherSettings
    bus: Bus
    """The client's, and in one process everybody's."""
    tasks: Redis
    endpoints: Endpoints
    requests: Requests
    events: list[Task] = field(default_factory=list)
    dead: list[tuple[Incoming, str]] = field(default_factory=list)

    @property
    def records(self) -> PacketStore:
        return self.endpoints.first

    @asynccontextmanager
    async def dispatcher(
        self, timing: Timing = QUICK, bus: Bus | None = None, **settings: Any
    ) -> AsyncIterator[None]:
        """A dispatcher at work, with connections of its own where there are servers."""
        stop, started = asyncio.Event(), asyncio.Event()
        chosen = self.settings.model_copy(update=settings)
        async with AsyncExitStack() as held:
            bus = bus or self.bus
            tasks, endpoints = self.tasks, self.endpoints
            if self.settings.bus_url != "memory://":
                bus = await open_bus(self.settings.bus_url, "dispatcher")
                held.push_async_callback(bus.close)
                tasks = open_tasks(self.settings.tasks_url)
                held.push_async_callback(tasks.aclose)
                endpoints = await open_endpoints(self.settings.endpoint_settings())
                held.push_async_callback(endpoints.close)
            running = asyncio.create_task(
                run(
                    chosen,
                    stop,
                    bus=bus,
                    tasks=tasks,
                    endpoints=endpoints,
                    started=started.set,
                    timing=timing,
                )
            )
            waiting = asyncio.create_task(started.wait())
            await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
            try:
                yield
            finally:
                waiting.cancel()
                stop.set()
                await running

    @asynccontextmanager
    async def agent(self, *, heard: bool = True, **fields: Any) -> AsyncIterator[FakeAgent]:
        """An agent, heard by a dispatcher."""
        async with FakeAgent(self.bus, **fields).alive() as agent:
            if heard:
                await until(lambda: agent.answers)
            yield agent

    async def start(self, message_id: str | None = None, **fields: Any) -> CommandReply:
        """Ask for a capture of web-1's eth0."""
        command = StartCapture(**{"resource": "web-1", "service": "eth0", **fields})
        message = encode(START_CAPTURE, command, message_id=message_id or str(uuid4()))
        key = start_key(command.resource, command.service)
        return _reply(await self.requests.ask(COMMANDS, key, message, 60))

    async def stop(self, **fields: Any) -> CommandReply:
        """Ask for a capture to stop."""
        message = encode(STOP_CAPTURE, StopCapture(**fields))
        return _reply(await self.requests.ask(COMMANDS, stop_key("web-1", "eth0"), message, 60))

    async def running(self, agent: FakeAgent, **fields: Any) -> CommandReply:
        """A capture that runs."""
        reply = await self.start(resource=agent.resource, **fields)
        assert reply.accepted, reply
        await self.until_state(reply.task_id, TaskState.RUNNING)
        return reply

    async def hash(self, task_id: UUID | None) -> Hash:
        return await self.all_of(task_key(task_id))

    async def all_of(self, key: str) -> dict[bytes, bytes]:
        """A hash in the task store."""
        found: Any = await self.tasks.hgetall(key)
        return dict(found)

    async def task(self, task_id: UUID | None) -> Capture:
        return capture_of(await self.hash(task_id))

    async def record(self, task_id: UUID | None) -> Capture:
        assert task_id is not None
        recorded = await self.records.session_of_task(task_id)
        assert recorded is not None
        return recorded[0]

    async def until_state(self, task_id: UUID | None, *states: TaskState) -> Capture:
        """The stored record, once its state is one of `states`."""

        async def reached() -> bool:
            return (await self.record(task_id)).state in states

        await until(reached)
        return await self.record(task_id)

    async def until_told(self, task_id: UUID | None, *states: TaskState) -> None:
        """Wait until exactly these states of a task were told, repetitions aside."""
        await until(lambda: self.told(task_id) == list(states))

    def told(self, task_id: UUID | None) -> list[TaskState]:
        """The states of a task that were told, each the first time."""
        said = [event.state for event in self.events if event.task_id == task_id]
        return list(dict.fromkeys(said))


@asynccontextmanager
async def arena(data: Path, **addresses: str) -> AsyncIterator[Arena]:
    """An arena in this process, or on the servers of these addresses."""
    settings = load(DispatcherSettings, data=data, dispatcher_port=0, keepalive=0.5, **addresses)
    async with AsyncExitStack() as held:
        bus = await open_bus(settings.bus_url, "test", MemoryBus())
        held.push_async_callback(bus.close)
        tasks = open_tasks(settings.tasks_url)
        held.push_async_callback(tasks.aclose)
        endpoints = await open_endpoints(settings.endpoint_settings())
        held.push_async_callback(endpoints.close)
        await endpoints.first.prepare()
        requests = await held.enter_async_context(Requests(bus))
        made = Arena(settings, bus, tasks, endpoints, requests)
        for queue, take in ((gateway_events_queue("test"), made_event), (DEAD_QUEUE, made_dead)):
            subscription = await bus.consume(queue, take(made))
            held.push_async_callback(subscription.cancel)
        yield made


def made_event(made: Arena) -> Any:
    async def take(incoming: Incoming) -> None:
        made.events.append(decode(incoming, {TASK_EVENT: Task}))

    return take


def made_dead(made: Arena) -> Any:
    async def take(incoming: Incoming) -> None:
        made.dead.append((incoming, str(incoming.headers.get(DEAD_REASON_HEADER))))

    return take


def _reply(incoming: Incoming) -> CommandReply:
    return decode(incoming, {COMMAND_REPLY: CommandReply})
