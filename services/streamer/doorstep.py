"""Connections that have not said who they are: bounded in number and in time. No I/O."""

from typing import Generic, TypeVar

Guest = TypeVar("Guest")


class Doorstep(Generic[Guest]):
    """Guests by when they came; `patience` is the seconds each may stand there."""

    def __init__(self, most: int, patience: float) -> None:
        self._most = most
        self._patience = patience
        self._came: dict[Guest, float] = {}

    def __len__(self) -> int:
        return len(self._came)

    def enter(self, guest: Guest, now: float) -> list[Guest]:
        """Let a guest stand here; of too many, the oldest, which must go."""
        self._came[guest] = now
        surplus = len(self._came) - self._most
        return [self._pop_oldest() for _ in range(surplus)]

    def leave(self, guest: Guest) -> None:
        """The guest has said who it is, or has gone."""
        self._came.pop(guest, None)

    def late(self, now: float) -> list[Guest]:
        """Those who have stood here for too long; they leave."""
        late = []
        for guest, came in self._came.items():
            if now - came < self._patience:
                break
            late.append(guest)
        for guest in late:
            del self._came[guest]
        return late

    def _pop_oldest(self) -> Guest:
        oldest = next(iter(self._came))
        del self._came[oldest]
        return oldest
