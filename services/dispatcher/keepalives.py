"""KeepAlives: each is answered with all that is wanted, whatever else is away.

What a KeepAlive says that is news is settled after the answer; one that could not be settled is
repeated by the next KeepAlive, so none waits in a queue and MongoDB holds up no answer.

Most say nothing that is news: those are answered as many together as have come.
"""

from collections.abc import Sequence

from contracts.keepalive import KeepAlive
from contracts.task import CaptureStatus
from contracts.topology import KEEPALIVE_TYPE
from services.dispatcher.hearing import Ears, Heard, Hearing
from services.dispatcher.live import Mark
from services.dispatcher.metrics import Metrics
from services.dispatcher.rebuild import Rebuild
from services.dispatcher.taskstore import TaskStore
from services.dispatcher.testimony import Testimony
from services.dispatcher.wanted import wanted
from services.runtime import logs
from services.runtime.bus.codec import decode
from services.runtime.bus.port import Bus, Incoming, Outgoing
from services.runtime.bus.replyto import check_reply_to
from services.runtime.errors import Unavailable, Undecodable

log = logs.get("dispatcher")

_MODELS = {KEEPALIVE_TYPE: KeepAlive}
_MOST_SETTLING = 64
_MOST_NUMBER = 2**53
"""Lua's numbers are exact below it."""
_MOST_INTERVAL = 3600
_REFUSED = "another agent lives under the name {}; give this one another (CAPFLOW_RESOURCE)"


class KeepAlives:
    """Answers KeepAlives."""

    def __init__(
        self,
        bus: Bus,
        tasks: TaskStore,
        testimony: Testimony,
        rebuild: Rebuild,
        metrics: Metrics,
    ) -> None:
        self._bus = bus
        self._tasks = tasks
        self._ears = Ears(tasks)
        self._testimony = testimony
        self._rebuild = rebuild
        self._metrics = metrics
        self._settling: set[str] = set()

    async def quickly(self, batch: Sequence[Incoming]) -> set[int]:
        """Answer those that say nothing new; gives the places of the others, for `handle`, which
        takes them down once more: that does no harm. Raises Unavailable."""
        with self._metrics.keepalive_seconds.time():
            beats = {at: beat for at, incoming in enumerate(batch) if (beat := _plain(incoming))}
            heard = await self._ears.keepalives(
                [(beat, batch[at].reply_to or "") for at, beat in beats.items()]
            )
            done = {at: each for at, each in zip(beats, heard, strict=True) if each.quiet}
            await self._bus.reply_all(
                [
                    (reply_to, _wanted(batch[at], beats[at], hearing, beats[at].seq))
                    for at, hearing in done.items()
                    if (reply_to := batch[at].reply_to)
                ]
            )
        self._metrics.keepalives.labels(Heard.OK).inc(len(done))
        self._metrics.unwanted.inc(sum(hearing.unwanted for hearing in done.values()))
        return set(range(len(batch))) - done.keys()

    async def handle(self, incoming: Incoming) -> None:
        """Answer one KeepAlive, and settle what it says."""
        beat = _decoded(incoming)
        hearing = await self._hear(incoming, beat)
        if hearing.verdict is Heard.ADOPT or not hearing.settled:
            await self._bounded(incoming, beat, hearing)

    async def _hear(self, incoming: Incoming, beat: KeepAlive) -> Hearing:
        with self._metrics.keepalive_seconds.time():
            hearing = await self._ears.keepalive(beat, incoming.reply_to or "")
            self._metrics.keepalives.labels(hearing.verdict).inc()
            self._metrics.unwanted.inc(hearing.unwanted)
            if hearing.verdict is Heard.REFUSED:
                refused = _REFUSED.format(beat.resource)
                await self._answer(incoming, beat, hearing, None, refused)
            elif hearing.verdict is Heard.OK:
                await self._answer(incoming, beat, hearing, beat.seq if hearing.settled else None)
        return hearing

    async def _answer(
        self,
        incoming: Incoming,
        beat: KeepAlive,
        hearing: Hearing,
        seq: int | None,
        refused: str | None = None,
    ) -> None:
        if not incoming.reply_to:
            return
        try:
            await self._bus.reply(incoming.reply_to, _wanted(incoming, beat, hearing, seq, refused))
        except ValueError as error:
            self._metrics.replies_refused.inc()
            log.warning("reply address refused", resource=beat.resource, reason=str(error))

    async def _bounded(self, incoming: Incoming, beat: KeepAlive, hearing: Hearing) -> None:
        """Settle, if there is room and nobody is at this resource; else the next one will."""
        if beat.resource in self._settling or len(self._settling) >= _MOST_SETTLING:
            self._metrics.settling_left.labels("busy").inc()
            return
        self._settling.add(beat.resource)
        try:
            await self._settle(incoming, beat, hearing)
        except Unavailable as error:
            self._metrics.settling_left.labels("away").inc()
            log.warning("keepalive not settled", resource=beat.resource, reason=str(error))
        finally:
            self._settling.discard(beat.resource)

    async def _settle(self, incoming: Incoming, beat: KeepAlive, hearing: Hearing) -> None:
        if hearing.verdict is Heard.ADOPT:
            log.warning("task store went back, adopting", resource=beat.resource)
            await self._rebuild.resource(beat)
            hearing = await self._ears.keepalive(beat, incoming.reply_to or "")
            if hearing.verdict is not Heard.OK:
                return
        mark = Mark.of(beat)
        for status in _among(beat.captures, hearing.differ):
            await self._testimony.take(beat.resource, status, mark)
        for task_id in hearing.unlisted:
            await self._testimony.miss(task_id, mark)
        listing = await self._tasks.wanted(beat.resource)
        now = Hearing(Heard.OK, listing.revision, listing.orders)
        await self._answer(incoming, beat, now, beat.seq)


def _decoded(incoming: Incoming) -> KeepAlive:
    beat = decode(incoming, _MODELS)
    _check(incoming, beat)
    return beat


def _plain(incoming: Incoming) -> KeepAlive | None:
    """The KeepAlive; none where something is wrong with it or with its reply address."""
    try:
        if incoming.reply_to:
            check_reply_to(incoming.reply_to)
        return _decoded(incoming)
    except (Undecodable, ValueError):
        return None


def _wanted(
    incoming: Incoming,
    beat: KeepAlive,
    hearing: Hearing,
    seq: int | None,
    refused: str | None = None,
) -> Outgoing:
    """The answer to a KeepAlive."""
    correlation = incoming.correlation_id
    return wanted(beat.resource, hearing.revision, hearing.orders, seq, refused, correlation)


def _check(incoming: Incoming, beat: KeepAlive) -> None:
    """Whose it is, the broker has checked by the routing key; its numbers must fit the store's."""
    if incoming.routing_key != beat.resource:
        raise Undecodable(f"{incoming.routing_key} speaks for {beat.resource}")
    if not all(0 <= number < _MOST_NUMBER for number in (beat.boot, beat.seq, beat.revision)):
        raise Undecodable(f"boot, seq and revision must be 0 to {_MOST_NUMBER - 1}")
    if not 0 < beat.interval <= _MOST_INTERVAL:
        raise Undecodable(f"interval must be above 0 and at most {_MOST_INTERVAL} s")


def _among(captures: list[CaptureStatus], ids: list[str]) -> list[CaptureStatus]:
    return [status for status in captures if str(status.order.task_id) in set(ids)]
