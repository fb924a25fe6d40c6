"""What it means to keep up with a steady rate, and the highest rate that a system keeps up with."""

from tests.bench.report import Report
from tests.bench.systems import Run, System
from tests.bench.wire import Wire

LAG_MS = 1000.0
"""A system that falls behind by more than this fills its buffers, and does not keep up."""
_STEP = 1.08
_SECONDS = 8.0
_SENT = 0.9
"""Of the rate asked for; a generator that does less is at its own limit."""
_LEAST = 10_000.0


def keeps_up(run: Run) -> bool:
    """Whether all that was sent came, the ledger closes, and nothing was late."""
    return run.lost == 0 and run.dropped == 0 and run.closes and run.latencies.most <= LAG_MS


def highest(report: Report, name: str, system: System, wire: Wire, start: float) -> float:
    """The highest rate (packets of 200 bytes a second, as sent) that a system keeps up with.

    Steps of 8 %, of 8 seconds each, up from `start` while it keeps up, or down until it does.
    """
    best, rate, climbing = 0.0, start, None
    while rate > _LEAST:
        run = system.run(wire, int(rate * report.seconds(_SECONDS)), 200, rate)
        good = keeps_up(run)
        report.say(f"{name}: {told(run)}: {'keeps up' if good else 'does not keep up'}")
        if good:
            best = max(best, run.rate)
            if run.rate < _SENT * rate:  # the generator sends no faster
                return best
        climbing = good if climbing is None else climbing
        if good is not climbing:
            return best
        rate *= _STEP if climbing else 1 / _STEP
    return best


def told(run: Run) -> str:
    """A run, in a line."""
    late = run.latencies
    return (
        f"{run.rate:,.0f}/s, lost {run.lost:,}, kernel dropped {run.dropped:,}, "
        f"p50 {late.p50:.0f} ms, p99 {late.p99:.0f} ms, max {late.most:.0f} ms, "
        f"others took {run.others:.0%} of the machine"
    )


def cpu_told(run: Run) -> str:
    """CPU a packet, by process; those that matter."""
    shares = {name: used for name, used in run.microseconds().items() if used >= 0.02}
    return "CPU µs a packet: " + ", ".join(f"{name} {used:.2f}" for name, used in shares.items())
