"""Token buckets: how often each of many clients may do something."""

from collections import OrderedDict

_MOST_CLIENTS = 10_000


class Buckets:
    """A bucket of `per_minute` tokens a client, filled again evenly.

    Pure: the time is given, in seconds of a clock that never goes back. At most 10,000 clients are
    remembered; the one not seen for longest is forgotten, and starts again with a full bucket.
    """

    def __init__(self, per_minute: int) -> None:
        self._size = float(per_minute)
        self._rate = per_minute / 60
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str, now: float) -> float:
        """Take a token: 0, or the seconds until there is one again."""
        tokens = self._level(client, now)
        taken = tokens >= 1
        self._store(client, tokens - 1 if taken else tokens, now)
        return 0.0 if taken else (1 - tokens) / self._rate

    def _level(self, client: str, now: float) -> float:
        tokens, at = self._buckets.get(client, (self._size, now))
        return min(self._size, tokens + (now - at) * self._rate)

    def _store(self, client: str, tokens: float, now: float) -> None:
        self._buckets[client] = (tokens, now)
        self._buckets.move_to_end(client)
        if len(self._buckets) > _MOST_CLIENTS:
            self._buckets.popitem(last=False)
