"""A capture under watch: packets whose every number is known, viewers that record, a judgement."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import httpx2

from tests.faults.generator import Generator
from tests.faults.judging import Truth, judge_blocks, judge_ledger, judge_viewer
from tests.faults.recorder import Recorder
from tests.faults.verdict import Verdict
from tests.support.numbered import number_of
from tests.support.outside import Rest
from tests.support.servers import Place
from tests.support.stack import RESOURCE
from tests.support.traffic import UDP_PAYLOAD_ON_ETHERNET
from tests.support.wait import until

RECOVERY = 20.0
"""Seconds that anything may take to come right once a fault is over."""


class Watched:
    """One capture, of one generator's packets, with its viewers."""

    def __init__(self, rest: Rest, place: Place, generator: Generator) -> None:
        self.generator = generator
        self.viewers: list[Recorder] = []
        self.started: dict[str, Any] = {}
        self.ended: dict[str, Any] = {}
        self.acknowledged = 0
        """The most packets that the API has said are stored."""
        self._rest = rest
        self._place = place

    @property
    def session(self) -> str:
        """The capture's name."""
        return str(self.started["session"])

    async def begin(self, service: str, viewers: int = 2, **fields: Any) -> "Watched":
        """Start the capture, let viewers in, and let packets flow to each of them."""
        wanted = {"resource": RESOURCE, "keep": True, "filter": self.generator.filter, **fields}
        self.started = await self._rest.start_running(service, **wanted)
        for _ in range(viewers):
            self.watch()
        await asyncio.gather(*(viewer.begin() for viewer in self.viewers))
        self.generator.send()
        await asyncio.gather(*(viewer.reaches(200) for viewer in self.viewers))
        return self

    def watch(self) -> Recorder:
        """One more viewer, not yet connected; every second one reads JSON."""
        form = "json" if len(self.viewers) % 2 else "pcapng"
        viewer = Recorder(self.session, self.ticket, form)  # type: ignore[arg-type]
        self.viewers.append(viewer)
        return viewer

    async def ticket(self) -> dict[str, Any]:
        """A fresh ticket. Raises OSError where there is none to be had now."""
        try:
            return await self._rest.ticket(self.session)
        except (AssertionError, httpx2.HTTPError) as error:
            raise OSError("no ticket") from error

    async def task(self) -> dict[str, Any]:
        """The task as the API shows it."""
        return await self._rest.task(self.started["task_id"])

    async def ledger(self) -> dict[str, int]:
        """The ledger as the API shows it: what it says is stored, must stay stored."""
        ledger: dict[str, int] = (await self.task())["ledger"]
        self.acknowledged = max(self.acknowledged, ledger["stored"])
        return ledger

    async def in_state(self, state: str, timeout: float = RECOVERY) -> None:
        """Wait until the capture is in this state."""

        async def is_in() -> bool:
            return bool((await self.task())["state"] == state)

        await until(is_in, timeout, every=0.05)

    async def flows(self, timeout: float = RECOVERY) -> None:
        """Wait until every viewer has a packet that is sent after this moment."""
        mark = self.generator.sent

        async def later(viewer: Recorder) -> None:
            await until(lambda: self._newest(viewer) >= mark, timeout, every=0.05)

        await asyncio.gather(*(later(viewer) for viewer in self.viewers))

    async def stop(self) -> None:
        """Have it stopped."""
        await until(self._stopped, RECOVERY, every=0.1)

    async def over(self, timeout: float = RECOVERY) -> None:
        """Wait until it has ended."""
        self.ended = await self._rest.ended(self.started["task_id"], timeout)

    async def finish(self, timeout: float = RECOVERY) -> None:
        """Send no more, stop, and wait for every end."""
        self.generator.stop()
        await self.stop()
        await self.over(timeout)
        await asyncio.gather(*(viewer.ends(timeout) for viewer in self.viewers))

    async def leave(self) -> None:
        """End the viewers, however far they are, and the capture, if it still runs."""
        await asyncio.gather(*(viewer.leave() for viewer in self.viewers))
        if self.started and not self.ended:
            with suppress(AssertionError, httpx2.HTTPError):
                await self.stop()
                await self.over()

    def stored(self) -> list[tuple[int, int]]:
        """The runs of packets that are stored: of each block its first number, and the next."""
        return [(block["first"], block["first"] + block["count"]) for block in self._blocks()]

    def judge(
        self, *, all_seen: bool = True, damaged: bool = False, gone: Sequence[Recorder] = ()
    ) -> Verdict:
        """I1 to I3 of the capture that has ended; `all_seen` says that it ran all the time,
        `damaged` that blocks of it were, and `gone` are viewers who were not there at its end."""
        sent = self.generator.sent
        truth = Truth(self.generator.run, sent)
        verdict, stored = judge_blocks(self._blocks(), truth, damaged=damaged)
        if stored < self.acknowledged:
            verdict.i1.append(f"{self.acknowledged} were said to be stored, and {stored} are")
        ledger = self.ended["ledger"]
        verdict.add(judge_ledger(ledger, sent=sent if all_seen else None, stored=stored))
        for number, viewer in enumerate(self.viewers):
            verdict.add(judge_viewer(viewer, truth, ledger, f"viewer {number}"))
        for viewer in gone:
            verdict.add(judge_viewer(viewer, truth, None, "a viewer that is gone"))
        verdict.i2 += list(truth.disorder())[:5]
        return verdict

    async def _stopped(self) -> bool:
        answer = await self._rest.http.post(f"/v1/captures/{self.session}/stop")
        return answer.status_code == 202

    def _newest(self, viewer: Recorder) -> int:
        """The number, as it was sent, of the last packet that a viewer has; -1 before the first."""
        frame = viewer.newest()
        return number_of(frame[UDP_PAYLOAD_ON_ETHERNET:], self.generator.run) if frame else -1

    def _blocks(self) -> list[dict[str, Any]]:
        with self._place.mongo() as client:
            blocks = client[self._place.database].blocks
            return list(blocks.find({"session": self.session}).sort("_id"))


def judged(captures: Sequence[Watched], *, all_seen: bool = True) -> Verdict:
    """The judgement of several captures."""
    verdict = Verdict()
    for capture in captures:
        verdict.add(capture.judge(all_seen=all_seen))
    return verdict
