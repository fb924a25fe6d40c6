"""The ledger in words, so that a reader can see that the sums close."""

from contracts.ledger import Ledger
from contracts.stream import End, Status
from contracts.task import Task
from services.client.output import size


def ledger_lines(ledger: Ledger) -> list[str]:
    """Where every packet of a capture is."""
    return [
        f"{ledger.seen} seen = {ledger.captured} captured"
        f" + {ledger.dropped_kernel} dropped by the kernel"
        f" + {ledger.beyond_limit} beyond the limit",
        f"{ledger.captured} captured = {ledger.stored} stored"
        f" + {ledger.dropped_agent} dropped by the agent"
        f" ({ledger.blocks} block{'' if ledger.blocks == 1 else 's'}, {size(ledger.bytes)})",
    ]


def spool_lines(task: Task) -> list[str]:
    """What waits, or was lost, on the agent's disk; nothing where the agent does not say."""
    spool = task.spool
    if spool is None:
        return []
    lost = (
        f"{spool.dropped} packets dropped because disk and memory were full,"
        f" {spool.damaged} lost in damaged files"
    )
    if task.state.ended and not spool.bytes:
        return [lost]
    waiting = (
        f"{spool.packets} packets wait on the agent's disk ({size(spool.bytes)},"
        f" {size(spool.room)} free), the oldest for {spool.oldest:.1f} s"
    )
    return [waiting, lost]


def viewer_line(status: Status | End) -> str:
    """Where every packet of this viewer is."""
    return (
        f"up to packet {status.next}: {status.sent} sent, {status.filtered} filtered,"
        f" {status.skipped} skipped, {status.missing} missing"
    )


def end_line(task: Task | End) -> str:
    """How a capture ended."""
    reason = f": {task.stop_reason}" if task.stop_reason else ""
    error = task.error.detail if isinstance(task, Task) and task.error else ""
    return f"{task.state}{reason}" + (f" ({error})" if error else "")
