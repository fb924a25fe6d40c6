"""How long to wait before trying again."""

from collections.abc import Callable, Iterator


def delays(
    first: float = 0.1,
    factor: float = 2.0,
    most: float = 5.0,
    spread: Callable[[], float] = lambda: 1.0,
) -> Iterator[float]:
    """Seconds to wait before each next try: growing by `factor` from `first` up to `most`.

    `spread` gives a factor for each (a random one keeps many clients from coming back at once).
    """
    delay = first
    while True:
        yield min(delay, most) * spread()
        delay = min(delay * factor, most)
