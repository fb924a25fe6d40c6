"""RabbitMQ is killed, frozen, closes connections, runs short, or is robbed of a queue."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from tests.faults.outcome import Outcome, Stopwatch, really
from tests.faults.promises import Promises
from tests.faults.verdict import Verdict
from tests.faults.world import World, alive, resident
from tests.servers.rabbitmq import RabbitServer
from tests.support.bus_client import BusClient
from tests.support.stack import RESOURCE
from tests.support.wait import until

CLIENTS = 10
IN_TIME = 5.0
"""Seconds within which a start is refused that cannot be."""
CONSUMERS_BACK = 3.0
REDECLARED = 5.0
MOST_GROWTH = 64 << 20
DISPATCHERS_QUEUES = (
    "capflow.dispatcher.commands",
    "capflow.dispatcher.reports",
    "capflow.dispatcher.keepalive",
)


async def killed(world: World) -> Outcome:
    """1: SIGKILL during starts and stops; started again."""
    count, promises = int(world.pick(200, 60)), Promises(world)
    clients = asyncio.create_task(_starts_and_stops(promises, count))
    await until(lambda: len(promises.to_stop) > count // 5, 60)
    await asyncio.to_thread(world.servers.rabbitmq.kill)
    down, before = Stopwatch(), promises.not_answered
    await until(lambda: promises.not_answered > before, 30)
    await asyncio.to_thread(world.servers.rabbitmq.start)
    away, up, done = down.seconds, Stopwatch(), len(promises.to_stop)
    await until(lambda: len(promises.to_stop) > done, 60)
    recovered = up.seconds
    await clients
    really(promises.not_answered, "no client was told that the broker is away")
    return Outcome(
        f"SIGKILL during {count} starts and stops; back after {away:.1f} s",
        f"{promises.not_answered} answers were 503, asked again under the same id; "
        f"{len(promises.accepted)} captures",
        Verdict(i1=promises.judge()),
        recovered,
    )


async def _starts_and_stops(promises: Promises, count: int) -> None:
    """Many captures, a few at a time, each on a service of its own."""
    waiting = iter(range(count))

    async def client(number: int) -> None:
        for _ in waiting:
            await promises.start_and_stop(f"s{number}")

    async with asyncio.TaskGroup() as group:
        for number in range(CLIENTS):
            group.create_task(client(number))


async def frozen(world: World) -> Outcome:
    """2: SIGSTOP, and SIGCONT much later; every start asked for meanwhile is asked for again."""
    promises, seconds = Promises(world), world.pick(40, 12)
    running = await promises.start("lo", keep=True)
    assert running is not None
    world.servers.rabbitmq.freeze()
    for_long = Stopwatch()
    clients = [asyncio.create_task(promises.start(f"s{n}", keep=True)) for n in range(5)]
    await until(lambda: for_long.seconds > seconds, seconds + 30, every=0.1)
    refused = promises.answers["503"]
    world.servers.rabbitmq.thaw()
    thawed = Stopwatch()
    tasks = [await client for client in clients]
    recovered, slowest = thawed.seconds, promises.slowest
    verdict = Verdict()
    dead = [name for name, process in world.stack.processes.items() if not alive(process)]
    verdict.must(not dead, f"{', '.join(dead)} died")
    verdict.must(world.in_time(slowest, IN_TIME), f"an answer took {slowest:.1f} s")
    state = (await world.rest.task(running))["state"]
    verdict.must(state == "running", f"the capture that ran meanwhile is {state}")
    await _stop_all(promises, [running, *tasks])
    verdict.i1 += promises.judge()
    really(refused, "no start was refused while the broker was frozen")
    seen = f"{refused} starts were 503, the slowest after {slowest:.1f} s; a capture went on"
    return Outcome(f"SIGSTOP for {seconds:g} s, with 5 clients asking", seen, verdict, recovered)


async def _stop_all(promises: Promises, tasks: list[str | None]) -> None:
    ids = [task_id for task_id in tasks if task_id is not None]
    await asyncio.gather(*(promises.stop(task_id) for task_id in ids))
    await asyncio.gather(*(promises.ended(task_id) for task_id in ids))


async def connections_closed(world: World) -> Outcome:
    """3: every connection closed, again and again; a whole round shows that consumers are back."""
    promises, verdict, times = Promises(world), Verdict(), []
    broker = world.servers.rabbitmq
    for _ in range(20):
        before = await until(partial(_connections, world), 15, every=0.1)
        arguments = ("close_all_connections", "--global", "the operator says so")
        await asyncio.to_thread(broker.control, *arguments)
        closed = Stopwatch()
        await promises.start_and_stop("lo")
        times.append(closed.seconds)
        await until(partial(_gone, world, before), 15, every=0.1)
    verdict.must(world.in_time(max(times), CONSUMERS_BACK), f"a round took {max(times):.1f} s")
    verdict.i1 += promises.judge()
    times.sort()
    seen = f"a start and stop took {times[10]:.2f} s in the median, {times[-1]:.2f} s at most"
    return Outcome("close_all_connections, 20 times", seen, verdict, times[-1])


def _connections(world: World) -> set[str]:
    """The names of the services' connections, as the broker lists them."""
    listed = world.servers.rabbitmq.management.call("GET", "connections")
    return {one["name"] for one in listed if one.get("vhost") == world.place.vhost}


def _gone(world: World, closed: set[str]) -> bool:
    return not closed & _connections(world)


@dataclass(frozen=True, slots=True)
class Shortage:
    """What `rabbitmqctl` is told to make a broker short of something, and to cure it."""

    cause: tuple[str, ...]
    sign: str
    """The node's field in the management API that shows it."""
    cure: tuple[str, ...]

    @asynccontextmanager
    async def lasting(self, broker: RabbitServer) -> AsyncIterator[None]:
        """Meanwhile the broker is short of it."""
        await asyncio.to_thread(broker.control, *self.cause)
        try:
            await until(partial(self._shows, broker), 15, every=0.2)
            yield
        finally:
            await asyncio.to_thread(broker.control, *self.cure)

    def _shows(self, broker: RabbitServer) -> bool:
        return bool(broker.management.call("GET", "nodes")[0][self.sign])


SHORTAGES = {
    "memory": Shortage(
        ("set_vm_memory_high_watermark", "absolute", "1MB"),
        "mem_alarm",
        ("set_vm_memory_high_watermark", "0.4"),
    ),
    "disk": Shortage(
        ("set_disk_free_limit", "1000000GB"),
        "disk_free_alarm",
        ("set_disk_free_limit", "50MB"),
    ),
}


async def alarm(world: World) -> Outcome:
    """4: the broker blocks publishers for want of memory, and then of disk."""
    verdict, seen, recovered = Verdict(), [], 0.0
    for name, shortage in SHORTAGES.items():
        promises = Promises(world)
        async with shortage.lasting(world.servers.rabbitmq):
            task_id = await _ask_in_vain(promises, name, world.pick(20, 5), verdict)
        lifted = Stopwatch()
        really(await promises.start("s0", task_id, filter=""), "the start was refused for good")
        recovered = max(recovered, lifted.seconds)
        await _stop_all(promises, [task_id])
        verdict.i1 += promises.judge()
        seen.append(f"{name}: {promises.answers['503']} starts were 503")
    return Outcome("alarms for memory and disk", "; ".join(seen), verdict, recovered)


async def _ask_in_vain(promises: Promises, name: str, seconds: float, verdict: Verdict) -> str:
    """Ask for one start again and again; its task id."""
    world, for_long = promises.world, Stopwatch()
    before = {one: resident(process) for one, process in world.stack.processes.items()}
    start = {"resource": RESOURCE, "service": "s0", "task_id": str(uuid4())}
    while for_long.seconds < seconds:
        await promises.once("/v1/captures", start)
    answers, slowest = dict(promises.answers), promises.slowest
    verdict.must(set(answers) == {"503"}, f"{name}: starts were answered {answers}")
    verdict.must(world.in_time(slowest, IN_TIME), f"{name}: a 503 took {slowest:.1f} s")
    depths = {queue: world.place.queues()[queue]["messages"] for queue in DISPATCHERS_QUEUES}
    verdict.must(not any(depths.values()), f"{name}: queues did not drain: {depths}")
    for one, process in world.stack.processes.items():
        if (more := resident(process) - before[one]) > MOST_GROWTH:
            verdict.i5.append(f"{name}: {one} grew by {more >> 20} MiB")
    return start["task_id"]


async def robbed(world: World) -> Outcome:
    """5: each queue deleted in turn; then the commands queue robbed of its binding."""
    verdict, times = Verdict(), []
    async with BusClient(world.place.amqp_url) as bus:
        for name in (*DISPATCHERS_QUEUES, "capflow.dead"):
            world.servers.rabbitmq.management.call("DELETE", "queues", world.place.vhost, name)
            gone = Stopwatch()
            await until(partial(_back, bus, name), 20, every=0.02)
            times.append(gone.seconds)
    verdict.must(
        world.in_time(max(times), REDECLARED), f"a queue was back after {max(times):.1f} s"
    )
    promises = Promises(world)
    _unbind(world)
    unbound = Stopwatch()
    await promises.once("/v1/captures", {"resource": RESOURCE, "service": "s0"})
    first = dict(promises.answers)
    verdict.must(first == {"503": 1}, f"an unroutable start was answered {first}")
    await promises.start_and_stop("lo")
    rebound = unbound.seconds
    verdict.must(world.in_time(rebound, REDECLARED), f"the binding was back after {rebound:.1f} s")
    verdict.i1 += promises.judge()
    seen = f"queues were back within {max(times):.1f} s, the binding within {rebound:.1f} s"
    return Outcome(f"{len(times)} queues deleted, a binding removed", seen, verdict, rebound)


async def _back(bus: BusClient, name: str) -> bool:
    """Whether a queue is there, with its consumer where it has one."""
    consumers = await bus.consumers(name)
    return consumers is not None and bool(consumers or name == "capflow.dead")


def _unbind(world: World) -> None:
    management = world.servers.rabbitmq.management
    ends = ("e", "capflow.commands", "q", "capflow.dispatcher.commands")
    path = ("bindings", world.place.vhost, *ends)
    bindings = management.call("GET", *path)
    really(bindings, "the commands queue has no binding")
    for binding in bindings:
        management.call("DELETE", *path, binding["properties_key"])
