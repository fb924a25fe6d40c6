"""The network between an agent and the servers, and the interfaces that it captures on."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.agent.wire import Wire
from tests.faults.field import Field
from tests.faults.generator import Generator
from tests.faults.outcome import Outcome, Stopwatch, really
from tests.faults.watched import RECOVERY, Watched
from tests.support.proxy import TcpProxy
from tests.support.stack import Process
from tests.support.wait import until

RUNNING, SEEN = "capflow_agent_captures_running", "capflow_agent_ledger_seen_total"
_ASK = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=3).read().decode())"


@dataclass(slots=True)
class Far:
    """An agent in a network namespace, whose way to the servers is a wire of its own."""

    resource: str
    wire: Wire
    process: Process
    bus: TcpProxy
    store: TcpProxy

    async def metric(self, name: str) -> float:
        """What it shows at `/metrics`, asked from inside."""
        url = f"http://127.0.0.1:{self.process.port}/metrics"
        program = ("ip", "netns", "exec", self.wire.namespace, sys.executable, "-c", _ASK, url)
        inside = await asyncio.create_subprocess_exec(*program, stdout=PIPE)
        shown, _ = await inside.communicate()
        assert not inside.returncode, f"{self.resource} does not show its metrics"
        lines = shown.decode().splitlines()
        return next(float(line.split()[-1]) for line in lines if line.startswith(name))


@asynccontextmanager
async def far_agent(field: Field, resource: str, interface: str, wire: Wire) -> AsyncIterator[Far]:
    """An agent at the wire's far end, online; its service `far` watches an interface there."""
    near, _ = wire.address()
    folder = field.folder / resource
    folder.mkdir()
    services = folder / "services.toml"
    services.write_text(f'[services.far]\ninterface = "{interface}"\n')
    async with AsyncExitStack() as held:
        bus = await held.enter_async_context(TcpProxy(field.servers.rabbitmq.port, near))
        store = await held.enter_async_context(TcpProxy(field.servers.mongo.port, near))
        database = f"{near}:{store.port}/{field.place.database}?directConnection=true"
        process = field.stack.process(
            "agent",
            resource,
            CAPFLOW_RESOURCE=resource,
            CAPFLOW_DATA=str(folder),
            CAPFLOW_SERVICES=str(services),
            CAPFLOW_BUS_URL=f"amqp://guest:guest@{near}:{bus.port}/{field.place.vhost}",
            CAPFLOW_ENDPOINTS=f"main=mongodb://{database}",
        )
        process.inside = ("ip", "netns", "exec", wire.namespace)
        held.callback(field.kill, process)
        process.spawn()
        await field.online(resource)
        yield Far(resource, wire, process, bus, store)


@asynccontextmanager
async def _captured(field: Field, far: Far, wire: Wire, **fields: Any) -> AsyncIterator[Watched]:
    with Generator(wire, 2000) as generator:
        capture = Watched(field.rest, field.place, generator)
        try:
            yield await capture.begin("far", resource=far.resource, **fields)
        finally:
            await capture.leave()


async def cut_off(field: Field) -> Outcome:
    """26: the agent's network is gone for a while, and then for longer than its capture may run."""
    with Wire(field.folder) as wire, Wire(field.folder) as tapped:
        tapped.move_near(wire.namespace)
        async with far_agent(field, "host-26", tapped.near, wire) as far:
            async with _captured(field, far, tapped) as capture:
                wire.down()
                await capture.in_state("lost")
                away = int(2000 * field.pick(60, 5))
                await capture.generator.further(away, 120)
                wire.up()
                watch = Stopwatch()
                await capture.flows(RECOVERY + 10)
                recovered = watch.seconds
                await capture.finish()
                verdict = capture.judge()
            limits = {"seconds": 8}
            async with _captured(field, far, tapped, limits=limits) as capture:
                wire.down()
                really(await far.metric(RUNNING) > 0, "the second capture had ended before the cut")
                await until(lambda: _stopped(far), 20, every=0.2)
                wire.up()
                await capture.over(RECOVERY + 10)
                capture.generator.stop()
                await asyncio.gather(*(viewer.ends() for viewer in capture.viewers))
                verdict.add(capture.judge(all_seen=False))
    reason = capture.ended["stop_reason"]
    verdict.must(reason == "seconds", f"the second capture ended {reason}")
    return Outcome(
        f"an agent's network down for {away / 2000:.0f} s, and again past its capture's limit",
        f"lost, then all was delivered, {recovered:.1f} s after the network was back; cut off, it "
        "stopped at its own limit (8 s)",
        verdict,
    )


async def _stopped(far: Far) -> bool:
    """Whether the agent, which cannot be reached, captures no more, though packets come: it holds
    on to the capture until the last block is stored."""
    seen = await far.metric(SEEN)
    await asyncio.sleep(1)
    return await far.metric(SEEN) == seen


async def interface_gone(field: Field) -> Outcome:
    """27: one interface is taken down, and another deleted; a third capture goes on."""
    seen, took = [], 0.0
    async with field.watched() as capture:
        for name in ("down", "deleted"):
            started = await field.rest.start_running("other", keep=True)
            watch = Stopwatch()
            (field.other_wire.down if name == "down" else field.other_wire.delete)()
            task = await field.rest.ended(started["task_id"], 15)
            took = max(took, watch.seconds)
            error = task["error"] or {}
            really(task["state"] == "failed", f"the capture is {task['state']}")
            seen.append(
                f"{name}: {error.get('code')} after {watch.seconds:.1f} s ({error.get('detail')})"
            )
            if name == "down":
                field.other_wire.up()
        await capture.flows()
        await capture.finish()
        verdict = capture.judge()
    verdict.must(took <= 5 and all("interface" in one for one in seen), "; ".join(seen))
    return Outcome("an interface taken down, and one deleted", "; ".join(seen), verdict, took)


async def own_upload(field: Field) -> Outcome:
    """28: a capture of everything on the wire that carries the agent's own upload."""
    seconds = field.pick(20, 4)
    with Wire(field.folder) as wire:
        async with far_agent(field, "host-28", wire.far, wire) as far:
            with Generator(wire, 1000) as generator:
                capture = Watched(field.rest, field.place, generator)
                try:
                    await capture.begin("far", resource=far.resource, filter="ip")
                    first, second = [await _uploaded(far, generator, seconds) for _ in range(2)]
                    await capture.finish()
                finally:
                    await capture.leave()
            verdict = capture.judge()
    really(first > 100_000 * seconds, f"only {first} bytes went up the wire")
    verdict.must(second <= 1.5 * first, f"the upload grew from {first} to {second} bytes")
    own = capture.ended["ledger"]["seen"] - generator.sent
    return Outcome(f"a capture of all of IP on the wire of its own upload, {2 * seconds:.0f} s",
                   f"{first} bytes went up in the first half, {second} in the second; "
                   f"{own} own packets captured", verdict)  # fmt: skip


async def _uploaded(far: Far, generator: Generator, seconds: float) -> int:
    """Bytes that go to MongoDB while so much is sent."""
    before = far.store.bytes["requests"]
    await generator.further(int(seconds * generator.usual), 60)
    return far.store.bytes["requests"] - before
