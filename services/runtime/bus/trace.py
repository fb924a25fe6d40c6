"""The trace that a message belongs to (W3C Trace Context, header `traceparent`)."""

import re
from collections.abc import Mapping
from contextvars import ContextVar
from random import getrandbits

from contracts.topology import TRACE_HEADER

_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})")
_trace: ContextVar[tuple[str, str] | None] = ContextVar("capflow_trace", default=None)


def adopt(headers: Mapping[str, object]) -> None:
    """From now on this task works on the trace that a message's `headers` name, or on a new one."""
    given = headers.get(TRACE_HEADER)
    match = _TRACEPARENT.fullmatch(given) if isinstance(given, str) else None
    _trace.set((match[1], match[2]) if match else None)


def traceparent() -> str:
    """The header for a message that is sent now: the trace being worked on, and a new span."""
    # Ids need be unlike each other, not secret, and each message takes one.
    trace, flags = _trace.get() or (f"{getrandbits(128):032x}", "01")
    return f"00-{trace}-{getrandbits(64):016x}-{flags}"
