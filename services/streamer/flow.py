"""One flow of packets to one viewer, from `start` to `stop` or the end.

A flow that is behind reads from the store at the viewer's own pace. Once level it is live: it
sends from the channel's ring whenever the viewer can take more, without a task of its own. A
live viewer too slow for the ring leaps to the newest block, and is told the gap.
"""

import asyncio
from collections.abc import Callable, Iterable

from websockets.frames import CloseCode

from contracts.stream import End, GapReason
from services.packets.filters import FilterRefused
from services.runtime import logs
from services.runtime.errors import CapflowError
from services.streamer.accounting import Account, Hole
from services.streamer.catchup import Reader
from services.streamer.channel import Channel
from services.streamer.delivery import Delivery
from services.streamer.ring import Entry

_TURN = 4
"""Blocks sent to one viewer before others have their turn."""
_UNKNOWN_TAIL = ("agent-restarted", "agent-lost")
"""Errors after which nobody knows what became of the last packets."""


class Flow:
    """Sends one viewer what it asked for; `failed(code, detail)` says why it cannot."""

    def __init__(
        self,
        channel: Channel,
        account: Account,
        delivery: Delivery,
        reader: Reader,
        failed: Callable[[str, str], None],
    ) -> None:
        self.account = account
        self._channel = channel
        self._delivery = delivery
        self._reader = reader
        self._line = delivery.line
        self._failed = failed
        self._live = False
        self._over = False
        self._task: asyncio.Task[None] | None = None

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._over

    def start(self) -> None:
        """Begin: behind until it is level."""
        self._live = False
        if self._task is None and not self._over:
            self._task = asyncio.create_task(self._guarded_catch_up())

    def stop(self) -> None:
        """End the flow, with all told that is known so far."""
        self._leave()
        self._delivery.flush()

    def drop(self) -> None:
        """End the flow of a viewer that is gone."""
        self._leave()

    def pump(self) -> None:
        """Send what the viewer can take now."""
        if self._live and not self._over:
            self._guarded(self._send_from_ring)

    def tick(self) -> None:
        """Tell what waited for its second, and go on."""
        if not self._over and self._line.writable:
            self._delivery.tell_due()
            self.pump()

    def _send_from_ring(self) -> None:
        account, ring = self.account, self._channel.ring
        for _ in range(_TURN):
            if account.block >= ring.head:
                self._maybe_end()
                return
            entry = self._next_entry() if self._line.writable else None
            if entry is None:
                return
            self._delivery.deliver(entry, ring)
        asyncio.get_running_loop().call_soon(self.pump)

    def _next_entry(self) -> Entry | None:
        """What to send next; a viewer too slow leaps to the newest, once a second at most.

        Once the capture has ended there is nothing to be late for: it reads the rest instead.
        """
        ring = self._channel.ring
        if self.account.block >= ring.start:
            return ring.get(self.account.block)
        if self._channel.removed:
            self._maybe_end()
            return None
        if self._channel.ended:
            self.start()
            return None
        if ring.newest is None or not self._delivery.may_tell("slow-viewer"):
            return None
        self._delivery.tell(self.account.skip(ring.newest.block))
        return ring.newest

    def _maybe_end(self) -> None:
        if not self._line.writable:
            return
        if self._channel.removed:
            self._end(self._rest("expired"))
        elif self._channel.complete:
            self._end(self._rest(self._tail_reason()))

    def _rest(self, reason: GapReason) -> list[Hole]:
        """What this viewer will never get."""
        ledger = self._channel.ledger
        last = max(self._channel.next, ledger.captured)
        missed = self.account.miss(last, reason)
        if not missed and self._tail_is_unknown:
            missed = (Hole("unknown", self.account.next, 0),)
        return [*missed, *self.account.drop(ledger.dropped_kernel)]

    @property
    def _tail_is_unknown(self) -> bool:
        """Whether nobody knows how many packets came after the last one: none told is not none."""
        error = self._channel.capture.error
        return error is not None and error.code in _UNKNOWN_TAIL

    def _tail_reason(self) -> GapReason:
        return "unknown" if self._tail_is_unknown or self._channel.short else "agent-drop"

    def _end(self, rest: Iterable[Hole]) -> None:
        self._delivery.tell(rest)
        self.stop()
        self._delivery.say(self._last_word())
        self._line.end(CloseCode.NORMAL_CLOSURE)

    def _last_word(self) -> End:
        capture, account = self._channel.capture, self.account
        return End(
            state=capture.state,
            stop_reason=capture.stop_reason,
            ledger=self._channel.ledger,
            next=account.next,
            sent=account.sent,
            filtered=account.filtered,
            skipped=account.skipped,
            missing=account.missing,
        )

    def _leave(self) -> None:
        self._over = True
        self._live = False
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _guarded(self, step: Callable[[], None]) -> None:
        """Run a step; a fault in one viewer's flow must not reach the others."""
        try:
            step()
        except Exception:
            self._broken()

    async def _guarded_catch_up(self) -> None:
        try:
            await self._catch_up()
        except FilterRefused as error:
            self._leave()
            self._failed("invalid-filter", str(error))
        except CapflowError as error:
            self._leave()
            self._failed("unavailable", str(error))
        except Exception:
            self._broken()

    def _broken(self) -> None:
        logs.get("streamer").exception("a viewer's flow broke", session=self._channel.session)
        self._leave()
        self._line.end(CloseCode.INTERNAL_ERROR, "the streamer failed; see its log")

    async def _catch_up(self) -> None:
        await self._channel.ready.wait()
        await self._delivery.prepare()
        while self.account.block < self._channel.ring.start and not self._channel.removed:
            await self._line.drain()
            await self._send_stored()
            await asyncio.sleep(0)  # what is in memory comes without waiting
        self._task = None
        self._live = True
        self.pump()

    async def _send_stored(self) -> None:
        entry = await self._reader.entry(self.account.block)
        if self._channel.removed:
            return
        if entry is None:
            self.account.pass_over(self._channel.ring.start - 1)
            return
        self._delivery.deliver(entry, self._reader)
