"""The ledger of a capture whose agent can no longer give it. Pure."""

from contracts.ledger import Ledger
from contracts.task import Capture, CaptureStatus, Failure, StopReason
from services.packets.endpoints.port import Stored

LATE_ANSWER = "late-answer"
_CAUSES = {
    StopReason.AGENT_LOST: ("agent-lost", "the agent was not heard of again"),
    StopReason.AGENT_RESTARTED: ("agent-restarted", "the agent restarted while it captured"),
}
_OPEN_TO_AMENDMENT = frozenset({StopReason.AGENT_LOST.value, "no-answer"})


def repaired(last: Ledger, stored: Stored) -> Ledger:
    """The ledger as far as it can be known, from the last report and what the store holds.

    Both sums close: what was captured and is not stored is lost, and the kernel has seen at least
    what is accounted for.
    """
    captured = max(last.captured, stored.next)
    return Ledger(
        seen=captured + last.dropped_kernel + last.beyond_limit,
        captured=captured,
        dropped_kernel=last.dropped_kernel,
        beyond_limit=last.beyond_limit,
        dropped_agent=captured - stored.packets,
        stored=stored.packets,
        blocks=stored.blocks,
        bytes=stored.bytes,
    )


def later(one: Ledger, other: Ledger) -> Ledger:
    """Of two ledgers of the same capture, the one that has counted further."""
    return max(one, other, key=lambda ledger: (ledger.captured, ledger.stored))


def unknown_tail(reason: StopReason, ledger: Ledger) -> Failure:
    """Says that what came after the last packet known is not nothing, but unknown."""
    known = f"after packet {ledger.captured - 1}" if ledger.captured else "from the first packet on"
    code, cause = _CAUSES.get(reason, ("agent-forgot", "the agent no longer knows this capture"))
    return Failure(code=code, detail=f"{cause}; what came {known} is unknown")


def is_estimate(capture: Capture) -> bool:
    """Whether the capture was ended without its agent, so that a late report may amend it."""
    return capture.error is not None and capture.error.code in _OPEN_TO_AMENDMENT


def after_late_report(capture: Capture, status: CaptureStatus) -> Failure | None:
    """The error that is left once the agent's late report is in; it is never open to another."""
    assert capture.error is not None
    if capture.error.code == "no-answer":
        detail = "the agent took the order only after its time; it was told to stop"
        return Failure(code=LATE_ANSWER, detail=detail)
    if status.stop_reason is StopReason.AGENT_RESTARTED:
        return unknown_tail(StopReason.AGENT_RESTARTED, status.ledger)
    return None
