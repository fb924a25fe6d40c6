"""`status` frames; what the viewers of one session have in common is made once. No I/O."""

from operator import is_

import orjson

from contracts.ledger import Ledger
from contracts.spool import Spool
from contracts.task import TaskState
from services.streamer.accounting import Account
from services.streamer.frames import text_frame


class Statuses:
    """Makes the `status` frames of one session."""

    __slots__ = ("_head", "_of")

    def __init__(self) -> None:
        self._of: tuple[TaskState, Ledger, Spool | None] | None = None
        self._head = b""

    def frame(
        self, state: TaskState, ledger: Ledger, spool: Spool | None, account: Account
    ) -> bytes:
        """A `status` as a text frame."""
        if self._of is None or not all(map(is_, self._of, (state, ledger, spool))):
            self._of = (state, ledger, spool)
            waiting = None if spool is None else dict(spool)
            fields = {"type": "status", "state": state, "ledger": dict(ledger), "spool": waiting}
            self._head = orjson.dumps(fields)[:-1]
        a = account
        counts = (a.next, a.sent, a.filtered, a.skipped, a.missing)
        tail = b',"next":%d,"sent":%d,"filtered":%d,"skipped":%d,"missing":%d}' % counts
        return text_frame(self._head + tail)
