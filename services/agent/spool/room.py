"""The bound of the spool: bytes on disk, for all captures of an agent together."""

import threading


class Room:
    """Bytes that may be taken, from any thread. What was found at the start may exceed them."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._used = 0
        self._lock = threading.Lock()

    @property
    def left(self) -> int:
        """Bytes that can still be taken."""
        return max(0, self.limit - self._used)

    def take(self, size: int) -> bool:
        """Take so many bytes; False where there are not enough."""
        with self._lock:
            if self._used + size > self.limit:
                return False
            self._used += size
        return True

    def found(self, size: int) -> None:
        """So many bytes were there already."""
        with self._lock:
            self._used += size

    def give(self, size: int) -> None:
        """Give bytes back."""
        with self._lock:
            self._used -= size
