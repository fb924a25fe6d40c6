"""The agent is killed, frozen past its lease, or has a double."""

import asyncio
import signal
from typing import Any

from tests.faults.field import Field
from tests.faults.outcome import Outcome, Stopwatch, really
from tests.faults.verdict import Verdict
from tests.faults.watched import RECOVERY, Watched
from tests.faults.world import KEEPALIVE, LEASE, metrics
from tests.support.stack import RESOURCE
from tests.support.wait import until

RUNNING = "capflow_agent_captures_running"
LOST = 'capflow_dispatcher_transitions_total{state="lost"}'


async def agent_killed(field: Field) -> Outcome:
    """24: SIGKILL with blocks that wait for the endpoint; back within its lease, and after it."""
    verdict, seen, slowest = Verdict(), [], 0.0
    for away in ("within its lease", "after its lease"):
        async with field.watched() as capture:
            waited, stored = await _kill_with_blocks_waiting(field, capture)
            recovered = await _come_back(field, capture, late=away.startswith("after"))
            slowest = max(slowest, recovered)
            running = (await metrics(field.agent))[RUNNING]
            verdict.must(not running, f"{running:g} run after the restart")
            await capture.finish()
            verdict.add(capture.judge(all_seen=False))
            verdict.own += _told_of_the_tail(capture)
            ledger = capture.ended["ledger"]
            verdict.must(ledger["stored"] > stored, "nothing was stored from the spool")
            seen.append(
                f"{away}: {waited} packets waited at the kill, {ledger['stored']} of "
                f"{capture.generator.sent} are stored; {capture.ended['error']['detail']}"
            )
    return Outcome("SIGKILL of the agent while MongoDB was frozen; started again, twice",
                   "; ".join(seen), verdict, slowest)  # fmt: skip


async def _come_back(field: Field, capture: Watched, *, late: bool) -> float:
    """Start the agent again; seconds from then until its capture has ended."""
    lost = await _times_lost(field)
    if late:
        await capture.in_state("lost")
    back = Stopwatch()
    await asyncio.to_thread(field.agent.start)
    task = await field.rest.ended(capture.started["task_id"], RECOVERY)
    really(task["stop_reason"] == "agent-restarted", f"it ended {task['stop_reason']}")
    if field.full and not late:  # beside other tests it may take longer to start than a lease
        really(await _times_lost(field) == lost, "its lease had run out before it was back")
    return back.seconds


async def _times_lost(field: Field) -> float:
    """How many captures the dispatcher has called lost so far."""
    return (await metrics(field.stack.processes["dispatcher"])).get(LOST, 0)


async def _kill_with_blocks_waiting(field: Field, capture: Watched) -> tuple[int, int]:
    """Kill the agent while what it captured waits; packets that did, and at most were stored."""
    await capture.ledger()
    field.servers.mongo.freeze()
    try:
        before = await _ledger_of_agent(field)  # of all that this process has done
        await capture.generator.further(4000)
        after = await _ledger_of_agent(field)
        captured, stored = (int(after[name] - before[name]) for name in ("captured", "stored"))
        waited = captured - stored
        really(waited > 1000, f"only {waited} packets waited ({stored} were stored)")
        stored = capture.generator.sent - waited
        field.kill(field.agent)
    finally:
        field.servers.mongo.thaw()
    return waited, stored


async def _ledger_of_agent(field: Field) -> dict[str, float]:
    shown = await metrics(field.agent)
    head, tail = "capflow_agent_ledger_", "_total"
    return {
        name.removeprefix(head).removesuffix(tail): value
        for name, value in shown.items()
        if name.startswith(head)
    }


def _told_of_the_tail(capture: Watched) -> list[str]:
    """What is wrong with what the API and each viewer say of packets that nobody can count."""
    error = capture.ended["error"] or {}
    wrong = []
    if "unknown" not in error.get("detail", ""):
        wrong.append(f"the tail is not said to be unknown: {error}")
    for viewer in capture.viewers:
        told = {gap.reason for gap in viewer.gaps} - {"kernel-drop"}
        if told != {"unknown"}:
            wrong.append(f"a viewer was told of holes for {sorted(told)}")
    return wrong


async def agent_frozen(field: Field) -> Outcome:
    """25: SIGSTOP past its lease; thawed with its task wanted, and with it stopped meanwhile."""
    async with field.watched() as capture, field.watched("other") as stopped:
        frozen = Stopwatch()
        field.agent.send(signal.SIGSTOP)
        try:
            # So much comes that the ring cannot hold it all.
            capture.generator.send(field.pick(3000, 15_000))
            await capture.in_state("lost", LEASE + RECOVERY)
            await stopped.in_state("lost")
            await stopped.stop()
            if field.full:
                await asyncio.sleep(60)  # the fault itself
            await capture.generator.further(40_000, 90)
        finally:
            capture.generator.send()
            field.agent.send(signal.SIGCONT)
        length = frozen.seconds
        took = await _stops_and_runs(capture, stopped)
        await capture.flows()
        await asyncio.gather(capture.finish(), stopped.finish())
        verdict = capture.judge()
        verdict.add(stopped.judge(all_seen=False))
    dropped = capture.ended["ledger"]["dropped_kernel"]
    really(dropped, "the ring held all that came while the agent was frozen")
    told = [g.count for g in capture.viewers[0].gaps if g.reason == "kernel-drop"]
    if sum(told) != dropped or capture.ended["ledger"]["dropped_agent"]:
        verdict.i3.append(f"{dropped} did not fit the ring, and gaps tell of {sum(told)}")
    verdict.must(
        field.in_time(took, 2 * KEEPALIVE + 1), f"it stopped {took:.1f} s after it was thawed"
    )
    return Outcome(
        f"SIGSTOP of the agent for {length:.0f} s, its lease {LEASE:.0f} s",
        f"lost, then running again; {dropped} packets did not fit its ring and none else was "
        f"lost; the one stopped meanwhile ended {took:.1f} s after the thaw",
        verdict,
        took,
    )


async def _stops_and_runs(capture: Watched, stopped: Watched) -> float:
    """Wait until the one runs again and the other has ended; how long that took."""
    watch = Stopwatch()
    await stopped.over()
    took = watch.seconds
    await capture.in_state("running")
    return took


async def second_agent(field: Field) -> Outcome:
    """25b: another agent under the name of one that lives."""
    async with field.watched() as capture:
        double = field.stack.process(
            "agent", "double", CAPFLOW_DATA=str(field.folder / "double")
        ).spawn()
        try:
            watch = Stopwatch()
            conflict = await until(lambda: _conflict(field), 20, every=0.1)
            shown = watch.seconds
            await until(lambda: "dispatcher refuses this agent" in double.tail(), 10)
            await asyncio.sleep(LEASE)  # in which no lease passes to it
            await capture.flows()
            task = await capture.task()
        finally:
            field.kill(double)
        await capture.finish()
        verdict = capture.judge()
    verdict.must(task["state"] == "running", f"the first agent's capture is {task['state']}")
    return Outcome(f"a second agent under the name {RESOURCE}",
                   f"refused and shown as {conflict['agent_id']} after {shown:.1f} s; "
                   "the first went on", verdict, shown)  # fmt: skip


async def _conflict(field: Field) -> dict[str, Any] | None:
    resource = (await field.rest.http.get(f"/v1/resources/{RESOURCE}")).json()
    conflict: dict[str, Any] | None = resource["conflict"]
    return conflict
