"""How many starts one caller may ask for: one that asks without end does not crowd out others."""

from collections.abc import Callable

from services.gateway.buckets import Buckets
from services.gateway.metrics import Metrics
from services.gateway.problems import Refused
from services.gateway.roles import Caller


class StartQuota:
    """Counts each caller's starts."""

    def __init__(self, per_minute: int, metrics: Metrics, clock: Callable[[], float]) -> None:
        self._per_minute = per_minute
        self._buckets = Buckets(per_minute)
        self._metrics = metrics
        self._clock = clock

    def take(self, caller: Caller) -> None:
        """Count one start. Raises Refused where it is one too many."""
        wait = self._buckets.take(caller.name, self._clock())
        if wait:
            self._metrics.starts_limited.inc()
            detail = f"{caller.name} may ask for {self._per_minute} starts a minute"
            raise Refused("too-many-starts", detail, retry_after=wait)
