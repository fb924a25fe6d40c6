"""Packets taken apart in a process that may hang, swell or crash without harm."""

from base64 import b64encode
from typing import Any, NamedTuple

from services.gateway.metrics import Metrics
from services.gateway.problems import Refused
from services.packets import linktypes
from services.runtime.errors import Unavailable
from services.runtime.warmchild import Deadly, TookTooLong, WarmChild

SECONDS = 2.0
MOST_WAITING = 8
"""Packets that wait or are being taken apart; of more, each is refused (too-many-packets)."""
_RETRY_AFTER = 1.0
_MODULE = "services.gateway.dissection.child"
_KNOWN = frozenset(
    {
        linktypes.ETHERNET,
        linktypes.NULL,
        linktypes.LOOP,
        linktypes.RAW,
        linktypes.RAW_BSD,
        linktypes.IPV4,
        linktypes.IPV6,
        linktypes.LINUX_SLL,
        linktypes.LINUX_SLL2,
    }
)


class Dissection(NamedTuple):
    """The layers of a packet as JSON, and what is to be said of them."""

    layers: list[dict[str, Any]]
    note: str | None


class DissectorUnavailable(Unavailable):
    """The process that dissects packets does not start; the same call may succeed later."""


class Dissector:
    """One process, started when first asked, killed when it takes too long, and replaced."""

    def __init__(self, metrics: Metrics, seconds: float = SECONDS) -> None:
        self._metrics = metrics
        self._seconds = seconds
        self._asked = 0
        self._child = WarmChild("the dissector", _arguments, DissectorUnavailable, quiet=True)

    @property
    def child_pid(self) -> int | None:
        """The process id of the child, while there is one."""
        return self._child.pid

    async def layers(self, data: bytes, linktype: int) -> Dissection:
        """Take a packet apart. Of one that cannot be, the note says why. Raises Refused where too
        many wait."""
        if linktype not in _KNOWN:
            name = linktypes.name_of(linktype)
            return self._none("unknown", f"packets of {name} are not taken apart here")
        if self._asked >= MOST_WAITING:
            self._metrics.dissected.labels("refused").inc()
            detail = f"{MOST_WAITING} packets wait to be taken apart; ask again"
            raise Refused("too-many-packets", detail, retry_after=_RETRY_AFTER)
        self._asked += 1
        try:
            return await self._dissected(data, linktype)
        finally:
            self._asked -= 1

    async def close(self) -> None:
        """End the process."""
        await self._child.close()

    async def _dissected(self, data: bytes, linktype: int) -> Dissection:
        question = {"data": b64encode(data).decode(), "linktype": linktype}
        try:
            answer = await self._child.ask(question, self._seconds)
        except TookTooLong:
            return self._none("slow", f"it takes longer than {self._seconds:g} s to take apart")
        except Deadly:
            return self._none("deadly", "the dissector does not survive taking it apart")
        except (DissectorUnavailable, ValueError) as error:
            return self._none("unavailable", f"it could not be taken apart: {error}")
        self._metrics.dissected.labels("done" if answer["layers"] else "failed").inc()
        return Dissection(answer["layers"], answer["note"])

    def _none(self, outcome: str, note: str) -> Dissection:
        self._metrics.dissected.labels(outcome).inc()
        return Dissection([], note)


def _arguments() -> tuple[str, ...]:
    return ("-P", "-m", _MODULE)
