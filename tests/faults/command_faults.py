"""Commands come often, too late, in the wrong order, among poison; to two dispatchers at once."""

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.faults.outcome import Outcome, really
from tests.faults.promises import QUIET
from tests.faults.verdict import Verdict
from tests.faults.world import MANY, World, metrics
from tests.support.bus_client import BusClient
from tests.support.stack import RESOURCE
from tests.support.wait import until

DELIVERED = "capflow_dispatcher_commands_total"
SOUND = json.dumps({"resource": RESOURCE, "service": "lo"}).encode()


@dataclass(frozen=True, slots=True)
class Poison:
    """A message that nobody can read."""

    body: bytes
    version: int = 1
    type: str | None = None
    """Where it is not the type that belongs there."""


POISON = {
    "bad JSON": Poison(b"{"),
    "wrong schema": Poison(b'{"resource": "Not A Name", "service": "lo"}'),
    "an object for a name": Poison(b'{"resource": {"$gt": ""}, "service": "lo"}'),
    "pickle": Poison(b"\x80\x04\x95"),
    "nesting": Poison(b"[" * 10_000),
    "5 MB": Poison(b"x" * 5_000_000),
    "unknown version": Poison(SOUND, version=99),
    "unknown type": Poison(SOUND, type="capture.dance"),
}
QUEUES = {
    "capflow.dispatcher.commands": ("capflow.commands", f"capture.start.{RESOURCE}.lo",
                                    "capture.start"),
    "capflow.dispatcher.keepalive": ("capflow.keepalive", RESOURCE, "keepalive"),
    "capflow.dispatcher.reports": ("capflow.events", f"report.running.{RESOURCE}.lo",
                                   "task.report"),
}  # fmt: skip
"""Each queue's exchange, a routing key and a message type of it."""
PARALLEL = 10


async def repeated_reversed_late(world: World) -> Outcome:
    """6: the same start three times; a stop before its start; a start nobody waits for any more."""
    verdict = Verdict()
    async with BusClient(world.place.amqp_url) as bus:
        handled = await _handled(world)
        verdict.i1 += await _three_times(world, bus)
        verdict.i1 += await _stop_first(world, bus)
        really(await _handled(world) - handled >= 6, "not every delivery was handled")
        late = str(uuid4())
        dead = await _too_late(world, bus, late, expiration=world.pick(30, 1))
    verdict.must(dead == 1, f"{dead} dead letters of one start that was too late")
    verdict.i1 += [f"{record['_id']} ran though it was too late"
                   for record in world.records() if str(record["task_id"]) == late]  # fmt: skip
    return Outcome(
        "a start delivered three times, a stop before its start, a start that expired",
        "one capture, three equal answers; the stop won; the late one is a dead letter",
        verdict,
    )


async def _handled(world: World) -> float:
    shown = await metrics(world.stack.processes["dispatcher"])
    return sum(value for name, value in shown.items() if name.startswith(DELIVERED))


async def _three_times(world: World, bus: BusClient) -> list[str]:
    command = {"resource": RESOURCE, "service": "s0", "filter": QUIET, "task_id": str(uuid4())}
    message_id = str(uuid4())
    asks = [bus.ask("capture.start", command, message_id) for _ in range(3)]
    answers = await asyncio.gather(*asks)
    mine = [one for one in world.records() if str(one["task_id"]) == command["task_id"]]
    await bus.stop(task_id=command["task_id"])
    await world.rest.ended(command["task_id"])
    equal = all(answer == answers[0] and answer["accepted"] for answer in answers)
    complaints = [] if equal else [f"three deliveries were answered {answers}"]
    return complaints + [f"three deliveries made {len(mine)} captures"] * (len(mine) != 1)


async def _stop_first(world: World, bus: BusClient) -> list[str]:
    task_id = str(uuid4())
    stopped = await bus.stop(task_id=task_id)
    await bus.start(service="s1", task_id=task_id, filter=QUIET)
    task = await world.rest.ended(task_id)
    if not stopped["accepted"] or task["started_at"] is not None:
        return [f"a stop before its start did not win: {stopped}, {task}"]
    return [] if task["stop_reason"] == "requested" else [f"it ended {task['stop_reason']}"]


async def _too_late(world: World, bus: BusClient, task_id: str, expiration: float) -> int:
    """A start while no dispatcher is there, for longer than it may wait; its dead letters."""
    dispatcher = world.stack.processes["dispatcher"]
    world.place.dead_letters()
    world.kill(dispatcher)
    command = {"resource": RESOURCE, "service": "s2", "task_id": task_id}
    key, properties = f"capture.start.{RESOURCE}.s2", {"type": "capture.start"}
    body = json.dumps(command).encode()
    await bus.publish(body, key, expiration=expiration, headers={"version": 1}, **properties)
    dead = await _dead_letters(world, 1, "capture.start", patience=expiration + 15)
    await asyncio.to_thread(dispatcher.start)
    await world.online()
    return len(dead)


async def _dead_letters(
    world: World, count: int, kind: str | None = None, patience: float = 20
) -> list[dict[str, Any]]:
    """Everything of a type in `capflow.dead`, as soon as there is so much.

    KeepAlives that no dispatcher was there for come there as well.
    """
    dead: list[dict[str, Any]] = []

    async def enough() -> bool:
        letters = await asyncio.to_thread(world.place.dead_letters)
        dead.extend(one for one in letters if kind in (None, one["properties"].get("type")))
        return len(dead) >= count

    try:
        await until(enough, patience, every=0.1)
    except AssertionError:
        return dead
    return dead


async def poisoned(world: World) -> Outcome:
    """7: in each queue, what nobody can read, between messages that must be handled."""
    verdict = Verdict()
    await asyncio.to_thread(world.place.dead_letters)
    async with BusClient(world.place.amqp_url) as bus:
        healthy = 0
        for poison in POISON.values():
            for exchange, key, kind in QUEUES.values():
                await _publish(bus, poison, exchange, key, kind)
            # And for the gateway's own queue, which is what it hears of tasks by.
            key = f"task.running.{RESOURCE}.lo"
            await _publish(bus, poison, "capflow.events", key, "task.event")
            answer = await bus.start(service="no-such-service")
            healthy += answer["error"]["code"] == "unknown-service"
        started = await bus.start(service="s0", filter=QUIET)
        await world.rest.task(started["task_id"], wait=20)
        await bus.stop(session=started["session"])
        ended = await world.rest.ended(started["task_id"])
    dead = await _dead_letters(world, len(POISON) * len(QUEUES))
    really(dead, "no poison came to the dead letters")
    verdict.must(healthy == len(POISON), f"{healthy} of {len(POISON)} healthy commands answered")
    verdict.must(ended["stop_reason"] == "requested", f"a healthy capture ended {ended}")
    verdict.own += _judge_dead(dead)
    seen = f"{len(dead)} dead letters, each with its reason; {healthy + 2} healthy commands handled"
    return Outcome(f"{len(POISON)} kinds of poison in {len(QUEUES) + 1} queues", seen, verdict)


async def _publish(bus: BusClient, poison: Poison, exchange: str, key: str, kind: str) -> None:
    headers = {"version": poison.version}
    await bus.publish(poison.body, key, exchange, type=poison.type or kind, headers=headers)


def _judge_dead(dead: list[dict[str, Any]]) -> list[str]:
    headers = [letter["properties"].get("headers", {}) for letter in dead]
    counts = Counter(header.get("capflow-queue") for header in headers)
    complaints = [f"a dead letter has no reason: {header}"
                  for header in headers if not header.get("capflow-reason")]  # fmt: skip
    wanted = dict.fromkeys(QUEUES, len(POISON))
    complaints += [] if counts == wanted else [f"dead letters came from {dict(counts)}"]
    for reason in ("unknown version 99", "unknown type"):
        told = sum(reason in str(header.get("capflow-reason")) for header in headers)
        complaints += [] if told == len(QUEUES) else [f"{told} dead letters say {reason!r}"]
    return complaints


async def two_dispatchers(world: World) -> Outcome:
    """10: starts for the same services, taken by two dispatchers."""
    services = MANY
    contenders = int(world.pick(20, 4))
    second = world.stack.process("dispatcher", "dispatcher-2")
    await asyncio.to_thread(second.start)
    try:
        async with BusClient(world.place.amqp_url) as bus:
            before = await _handled(world)
            claims = [
                [bus.start(service=f"s{number}", filter=QUIET, keep=True)
                 for _ in range(contenders)]
                for number in range(services)
            ]  # fmt: skip
            answers = await asyncio.gather(*(asyncio.gather(*asks) for asks in claims))
            first = await _handled(world) - before
            complaints = [line for asked in answers for line in _one_winner(list(asked))]
            winners = [one for asked in answers for one in asked if one["accepted"]]
            await asyncio.gather(*(bus.stop(session=one["session"]) for one in winners))
        await asyncio.gather(*(world.rest.ended(one["task_id"]) for one in winners))
    finally:
        await asyncio.to_thread(second.terminate)
    total = services * contenders
    really(0 < first < total, f"one dispatcher handled all: {first:g} of {total}")
    seen = (
        f"{len(winners)} winners for {services} services; one handled {first:g}, the other the rest"
    )
    return Outcome(f"{total} starts at once, two dispatchers", seen, Verdict(i1=complaints))


def _one_winner(answers: list[dict[str, Any]]) -> list[str]:
    accepted = [one for one in answers if one["accepted"]]
    if len(accepted) != 1:
        return [f"{len(accepted)} starts of a service were accepted"]
    winner = (accepted[0]["task_id"], accepted[0]["session"])
    losers = [one for one in answers if not one["accepted"]]
    return [f"a refusal is {one}, not of {winner}" for one in losers
            if one["error"]["code"] != "already-running"
            or (one["task_id"], one["session"]) != winner]  # fmt: skip
