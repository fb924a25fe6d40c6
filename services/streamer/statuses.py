"""`status` frames; what the viewers of one session have in common is made once. No I/O."""

import orjson

from contracts.ledger import Ledger
from contracts.task import TaskState
from services.streamer.accounting import Account
from services.streamer.frames import text_frame


class Statuses:
    """Makes the `status` frames of one session."""

    __slots__ = ("_head", "_of")

    def __init__(self) -> None:
        self._of: tuple[TaskState, Ledger] | None = None
        self._head = b""

    def frame(self, state: TaskState, ledger: Ledger, account: Account) -> bytes:
        """A `status` as a text frame."""
        if self._of is None or self._of[0] is not state or self._of[1] is not ledger:
            self._of = (state, ledger)
            fields = {"type": "status", "state": state, "ledger": dict(ledger)}
            self._head = orjson.dumps(fields)[:-1]
        a = account
        counts = (a.next, a.sent, a.filtered, a.skipped, a.missing)
        tail = b',"next":%d,"sent":%d,"filtered":%d,"skipped":%d,"missing":%d}' % counts
        return text_frame(self._head + tail)
