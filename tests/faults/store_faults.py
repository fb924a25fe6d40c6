"""MongoDB is killed, frozen, slow, or loses an answer, while agents write and viewers read."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from tests.faults.field import Field
from tests.faults.outcome import Outcome, Stopwatch, really
from tests.faults.watched import RECOVERY, Watched, judged
from tests.faults.world import metrics
from tests.support.proxy import TcpProxy
from tests.support.wait import until

CAPTURED, STORED = "capflow_agent_ledger_captured_total", "capflow_agent_ledger_stored_total"
DROPPED = "capflow_agent_ledger_dropped_agent_total"
FEED_BACK = 10.0
"""Seconds within which packets must flow again once MongoDB is back."""


async def mongod_killed(field: Field) -> Outcome:
    """13: SIGKILL while agents write."""
    agents = 5 if field.full else 2
    async with AsyncExitStack() as held:
        captures = [await held.enter_async_context(field.watched(rate=1500))]
        for number in range(2, agents + 1):
            name = f"host-{number}"
            await held.enter_async_context(field.second_agent(name))
            watched = field.watched(rate=1500, viewers=1, resource=name)
            captures.append(await held.enter_async_context(watched))
        await asyncio.gather(*(capture.ledger() for capture in captures))
        field.servers.mongo.kill()
        await captures[0].generator.further(2000)
        waited = await waiting(field)
        really(waited > 500, f"only {waited} packets waited for MongoDB")
        await asyncio.to_thread(field.servers.mongo.start)
        recovered = await _all_flow(captures)
        await asyncio.gather(*(capture.finish() for capture in captures))
        verdict = judged(captures)
    verdict.must(
        field.in_time(recovered, FEED_BACK), f"the feed was back after {recovered:.1f} s only"
    )
    return Outcome(
        f"SIGKILL of mongod while {agents} agents wrote; started again",
        f"{waited:.0f} packets waited in one agent; all were stored",
        verdict,
        recovered,
    )


async def mongod_frozen(field: Field) -> Outcome:
    """14: SIGSTOP for a while, and then until the agent has no more room."""
    async with field.watched() as capture:
        before = await dropped(field)
        frozen = Stopwatch()
        field.servers.mongo.freeze()
        try:
            await capture.generator.further(int(2000 * field.pick(30, 6)), timeout=90)
            waited = await waiting(field)
        finally:
            field.servers.mongo.thaw()
        really(waited > 3000, f"only {waited} packets waited for MongoDB")
        first = frozen.seconds
        recovered = await _all_flow([capture])
        lost = await dropped(field) - before
        await _freeze_until_dropped(field, capture)
        await _all_flow([capture])
        await capture.finish()
        verdict = capture.judge()
    missing = capture.ended["ledger"]["dropped_agent"]
    told = [gap.count for gap in capture.viewers[0].gaps if gap.reason == "agent-drop"]
    if lost:
        verdict.i1.append(f"{lost:.0f} packets were lost in the first {first:.0f} s")
    if sum(told) != missing:
        verdict.i3.append(f"{missing} were dropped, and gaps tell of {sum(told)}")
    return Outcome(
        f"SIGSTOP of mongod for {first:.0f} s, and again until the agent had no more room",
        f"first {waited:.0f} packets waited and none was lost; then {missing} were dropped, "
        f"told in {len(told)} gaps",
        verdict,
        recovered,
    )


async def _freeze_until_dropped(field: Field, capture: Watched) -> None:
    before = await dropped(field)

    async def enough() -> bool:
        return await dropped(field) - before > 1000

    field.servers.mongo.freeze()
    try:
        capture.generator.send(20_000)
        await until(enough, 60, every=0.2)
    finally:
        capture.generator.send()
        field.servers.mongo.thaw()


async def stepped_down(field: Field) -> Outcome:
    """16: a step-down, slow writes, closed connections."""
    seen = []
    async with field.watched() as capture:
        with field.servers.mongo.client() as client:
            before = _term(client)
            client.admin.command({"replSetStepDown": 5, "force": True})
            await until(lambda: _primary(client), RECOVERY, every=0.1)
            really(_term(client) > before, "the election counter did not move")
            recovered = await _all_flow([capture])
            seen.append("re-elected")
            for name, fault in _FAILURES.items():
                hit = await _failing(client, capture, fault, field.pick(20, 5))
                really(hit, f"no command met {name}")
                seen.append(f"{hit} commands met {name}")
                await _all_flow([capture])
        await capture.finish()
        verdict = capture.judge()
    return Outcome("replSetStepDown, then slow inserts, then closed connections",
                   ", ".join(seen), verdict, recovered)  # fmt: skip


_FAILURES: dict[str, dict[str, Any]] = {
    "a slow write": {"failCommands": ["insert"], "blockConnection": True, "blockTimeMS": 800},
    "a closed connection": {
        "failCommands": ["insert", "getMore", "aggregate"],
        "closeConnection": True,
    },
}


async def _failing(client: Any, capture: Watched, fault: dict[str, Any], times: float) -> int:
    """Let commands fail; how many did."""
    point = {"configureFailPoint": "failCommand"}
    begun = client.admin.command({**point, "mode": {"times": int(times)}, "data": fault})["count"]

    def spent() -> bool:
        return bool(_count(client) - begun >= int(times))

    await until(spent, 30, every=0.2)
    return int(client.admin.command({**point, "mode": "off"})["count"] - begun)


async def answer_lost(field: Field) -> Outcome:
    """18: MongoDB has done an insert, and its answer is lost."""
    async with TcpProxy(field.servers.mongo.port) as proxy:
        database = field.place.database
        address = f"main=mongodb://127.0.0.1:{proxy.port}/{database}?directConnection=true"
        async with (
            field.second_agent("host-18", CAPFLOW_ENDPOINTS=address) as agent,
            field.watched(resource="host-18") as capture,
        ):
            with proxy.drop("answers"):
                known = (await metrics(agent))[STORED]
                blocks = await until(lambda: _beyond(field, capture, known), 10, every=0.05)
                await until(lambda: proxy.swallowed > 100, 10)
            recovered = await _all_flow([capture])
            await capture.finish()
            verdict = capture.judge()
    return Outcome(
        "answers of MongoDB to one agent swallowed, then its connections cut",
        f"{blocks} packets were stored whose answers ({proxy.swallowed} bytes) never came; "
        "each block is there once",
        verdict,
        recovered,
    )


def _beyond(field: Field, capture: Watched, known: float) -> int:
    """Packets in the store that the agent does not know of."""
    with field.place.mongo() as client:
        blocks = client[field.place.database].blocks.find({"session": capture.session})
        stored = sum(int(block["count"]) for block in blocks)
        return max(0, stored - int(known))


async def waiting(field: Field) -> float:
    """Packets that the agent has captured and MongoDB has not acknowledged."""
    shown = await metrics(field.agent)
    return shown[CAPTURED] - shown[STORED] - shown.get(DROPPED, 0)


async def dropped(field: Field) -> float:
    """Packets that this agent's process has had no room for."""
    return (await metrics(field.agent)).get(DROPPED, 0)


async def _all_flow(captures: list[Watched]) -> float:
    """Wait until every viewer is level again; how long that took."""
    watch = Stopwatch()
    await asyncio.gather(*(capture.flows() for capture in captures))
    return watch.seconds


def _term(client: Any) -> int:
    return int(client.admin.command("replSetGetStatus")["term"])


def _primary(client: Any) -> bool:
    return bool(client.admin.command("hello")["isWritablePrimary"])


def _count(client: Any) -> int:
    shown = client.admin.command({"getParameter": 1, "failpoint.failCommand": 1})
    return int(shown["failpoint.failCommand"]["timesEntered"])
