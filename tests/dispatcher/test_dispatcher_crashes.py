"""Whatever step fails, before or after its effect: the effect is there once, and is told."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from prometheus_client import CollectorRegistry

from contracts.commands import CommandReply, StartCapture, StopCapture
from contracts.keepalive import KeepAlive, ServiceInfo, Wanted
from contracts.task import CaptureStatus, StopReason, Task, TaskReport, TaskState
from contracts.topology import (
    COMMAND_REPLY,
    DEADLINES_KEY,
    KEEPALIVE_TYPE,
    START_CAPTURE,
    STOP_CAPTURE,
    TASK_EVENT,
    TASK_REPORT,
    WANTED_TYPE,
    report_key,
    running_key,
)
from services.dispatcher.assembly import Dispatcher, assemble
from services.dispatcher.metrics import Metrics
from services.dispatcher.settings import DispatcherSettings
from services.dispatcher.taskstore import TaskStore
from services.dispatcher.timing import Timing
from services.packets.endpoints.opening import Endpoints, open_endpoints
from services.packets.filters import FilterCompiler
from services.runtime.bus.port import Handler, Incoming, Outgoing
from services.runtime.errors import BusUnavailable, StoreUnavailable, TasksUnavailable, Unavailable
from services.runtime.redis import open_tasks
from services.runtime.settings import load
from tests.dispatcher.fake_agent import FULL

STATES = [TaskState.REQUESTED, TaskState.RUNNING, TaskState.STOPPING, TaskState.STOPPED]


@dataclass
class Tripwire:
    """Makes one step fail: the `at`th, before its effect or after it."""

    at: int = 0
    after: bool = False
    steps: int = 0

    @property
    def tripped(self) -> bool:
        return 0 < self.at <= self.steps

    @asynccontextmanager
    async def step(self, error: type[Unavailable]) -> AsyncIterator[None]:
        self.steps += 1
        trips = self.steps == self.at
        if trips and not self.after:
            raise error("tripped before")
        yield
        if trips and self.after:
            raise error("tripped after")


class Watched:
    """Passes calls on, each a step."""

    def __init__(self, inner: Any, wire: Tripwire, error: type[Unavailable]) -> None:
        self._inner, self._wire, self._error = inner, wire, error

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if not asyncio.iscoroutinefunction(method):
            return method

        async def call(*args: Any, **kwargs: Any) -> Any:
            async with self._wire.step(self._error):
                return await method(*args, **kwargs)

        return call


@dataclass
class Notebook:
    """A bus that only writes down."""

    connected = True
    regained = 0.0
    events: list[Task] = field(default_factory=list)
    replies: list[CommandReply] = field(default_factory=list)
    answers: list[Wanted] = field(default_factory=list)

    async def publish(self, exchange: str, key: str, message: Outgoing, **_: Any) -> None:
        assert message.type == TASK_EVENT
        self.events.append(Task.model_validate_json(message.body))

    async def reply(self, reply_to: str, message: Outgoing) -> None:
        if message.type == COMMAND_REPLY:
            self.replies.append(CommandReply.model_validate_json(message.body))
        if message.type == WANTED_TYPE:
            self.answers.append(Wanted.model_validate_json(message.body))


@dataclass
class Bench:
    """A dispatcher's handlers, and a hand that delivers messages to them."""

    parts: Dispatcher
    notebook: Notebook
    tasks: Any
    endpoints: Endpoints
    agent_id: UUID = field(default_factory=uuid4)
    seq: int = 0
    revision: int = 0
    captures: dict[UUID, CaptureStatus] = field(default_factory=dict)

    async def clear(self) -> None:
        """Forget all but the records."""
        await self.tasks.flushdb()
        self.captures.clear()
        self.revision = 0
        for heap in (self.notebook.events, self.notebook.replies, self.notebook.answers):
            heap.clear()

    async def deliver(self, handler: Handler, message: Incoming) -> None:
        """As the bus does: the same message again until it is handled."""
        for _ in range(4):
            try:
                return await handler(message)
            except Unavailable:
                continue
        raise AssertionError("not handled")

    async def command(self, kind: str, command: StartCapture | StopCapture) -> CommandReply:
        body = command.model_dump_json().encode()
        message = Incoming(kind, body, "m-1", f"{kind}.web-1.eth0", reply_to="client")
        await self.deliver(self.parts.intake.handle, message)
        return self.notebook.replies[-1]

    async def report(self, status: CaptureStatus) -> None:
        self.seq += 1
        report = TaskReport(
            resource="web-1", agent_id=self.agent_id, boot=1, seq=self.seq, capture=status
        )
        key = report_key(status.state, "web-1", "eth0")
        message = Incoming(TASK_REPORT, report.model_dump_json().encode(), "m-2", key)
        await self.deliver(self.parts.reports.handle, message)

    async def beat(self) -> Wanted:
        """KeepAlives until one is settled; its answer."""
        for _ in range(5):
            self.seq += 1
            beat = KeepAlive(
                resource="web-1",
                agent_id=self.agent_id,
                boot=1,
                seq=self.seq,
                revision=self.revision,
                interval=5,
                version="1",
                services=[ServiceInfo(service="eth0", interface="eth0")],
                captures=list(self.captures.values()),
            )
            body = beat.model_dump_json().encode()
            message = Incoming(KEEPALIVE_TYPE, body, "m-3", "web-1", reply_to="agent")
            await self.deliver(self.parts.keepalives.handle, message)
            if self.notebook.answers and self.notebook.answers[-1].seq == self.seq:
                self.revision = self.notebook.answers[-1].revision
                return self.notebook.answers[-1]
        raise AssertionError("never settled")


@asynccontextmanager
async def bench(
    tmp_path: Path, wire: Tripwire, patch: pytest.MonkeyPatch, **addresses: str
) -> AsyncIterator[Bench]:
    settings = load(DispatcherSettings, data=tmp_path, **addresses)
    original = TaskStore._answering

    @asynccontextmanager
    async def answering(store: TaskStore) -> AsyncIterator[None]:
        async with wire.step(TasksUnavailable), original(store):
            yield

    async with AsyncExitStack() as held:
        tasks = open_tasks(settings.tasks_url)
        held.push_async_callback(tasks.aclose)
        endpoints = await open_endpoints(settings.endpoint_settings())
        held.push_async_callback(endpoints.close)
        await endpoints.first.prepare()
        notebook, filters = Notebook(), FilterCompiler()
        held.push_async_callback(filters.close)
        held.enter_context(patch.context()).setattr(TaskStore, "_answering", answering)
        watched = Endpoints({"main": Watched(endpoints.first, wire, StoreUnavailable)})
        bus: Any = Watched(notebook, wire, BusUnavailable)
        metrics = Metrics(CollectorRegistry())
        parts = assemble(settings, bus, tasks, watched, filters, metrics, Timing())
        yield Bench(parts, notebook, tasks, endpoints)


async def by_reports(bench: Bench, task_id: UUID) -> None:
    status = await requested(bench, task_id)
    await bench.report(status)
    await bench.command(STOP_CAPTURE, StopCapture(task_id=task_id))
    end = {"state": TaskState.STOPPED, "stop_reason": StopReason.REQUESTED, "ledger": FULL}
    await bench.report(status.model_copy(update=end))


async def by_keepalives(bench: Bench, task_id: UUID) -> None:
    status = await requested(bench, task_id)
    bench.captures[task_id] = status
    assert (await bench.beat()).orders
    await bench.command(STOP_CAPTURE, StopCapture(task_id=task_id))
    end = {"state": TaskState.STOPPED, "stop_reason": StopReason.REQUESTED, "ledger": FULL}
    bench.captures[task_id] = status.model_copy(update=end)
    assert not (await bench.beat()).orders


async def requested(bench: Bench, task_id: UUID) -> CaptureStatus:
    await bench.beat()
    command = StartCapture(resource="web-1", service="eth0", task_id=task_id)
    reply = await bench.command(START_CAPTURE, command)
    assert reply.accepted
    [order] = (await bench.beat()).orders
    return CaptureStatus(order=order, state=TaskState.RUNNING)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("story", [by_reports, by_keepalives])
@pytest.mark.parametrize("where", ["embedded", "servers"])
async def test_any_step_may_fail_once(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    story: Callable[[Bench, UUID], Awaitable[None]],
    after: bool,
    where: str,
) -> None:
    addresses = {}
    if where == "servers":
        tasks, mongo = (request.getfixturevalue(name) for name in ("tasks_url", "mongo_url"))
        addresses = {"tasks_url": tasks, "endpoints": f"main={mongo}"}
    wire = Tripwire(after=after)
    async with bench(tmp_path, wire, monkeypatch, **addresses) as made:
        for at in itertools.count(1):
            await made.clear()
            wire.at, wire.steps = at, 0
            task_id = uuid4()
            await story(made, task_id)
            if not wire.tripped:
                break
            wire.at = 0
            await made.parts.reaper.look()  # tells what was left untold
            await _as_if_nothing_had_happened(made, task_id, at)
    assert at > 30


async def _as_if_nothing_had_happened(bench: Bench, task_id: UUID, at: int) -> None:
    told = [event.state for event in bench.notebook.events if event.task_id == task_id]
    assert list(dict.fromkeys(told)) == STATES, at
    recorded = await bench.endpoints.first.session_of_task(task_id)
    assert recorded is not None
    assert (recorded[0].state, recorded[0].ledger) == (TaskState.STOPPED, FULL), at
    assert not await bench.endpoints.first.open_sessions("web-1")
    assert not await bench.tasks.exists(running_key("web-1", "eth0"))
    assert not await bench.tasks.zcard(DEADLINES_KEY)
    assert set(await bench.tasks.hkeys("capflow:wanted:web-1")) == {b"revision"}
    await bench.endpoints.first.delete_session(recorded[0].session)
    [reply] = {reply.model_dump_json() for reply in bench.notebook.replies if reply.limits}
    assert CommandReply.model_validate_json(reply).accepted
