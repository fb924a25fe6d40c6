"""Feeds inputs to a target, and keeps what harms it."""

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from time import thread_time

from tests.fuzz.targets import Target

MOST_SECONDS = 0.001
"""How long the processor may take for one packet, or on average for those of one input."""
_LOOKS = 20
"""How often a slow input is timed again before it is believed: the caches may have been cold."""
CORPUS = Path(__file__).parent / "corpus"
"""Inputs that once did harm, or were made to: each is fed to every target."""


def harm_of(target: Target, data: bytes) -> str | None:
    """What an input does to a target that it must not; None where it does no harm."""
    try:
        if _seconds(target, data) > MOST_SECONDS:
            best = min(_seconds(target, data) for _ in range(_LOOKS))
            if best > MOST_SECONDS:
                return f"takes {best * 1000:.2f} ms a packet, and may take {MOST_SECONDS * 1000:g}"
    except Exception as error:
        return repr(error)
    return None


def feed(target: Target, inputs: Iterable[bytes]) -> list[str]:
    """The harm that inputs did, each kept in the corpus."""
    return [
        f"{target.name}: {harm}; kept as {_keep(data).name}"
        for data in inputs
        if (harm := harm_of(target, data))
    ]


def corpus() -> list[Path]:
    """The inputs that are kept."""
    return sorted(CORPUS.glob("*.bin"))


def _seconds(target: Target, data: bytes) -> float:
    begun = thread_time()
    packets = target.feed(data)
    return (thread_time() - begun) / max(packets, 1)


def _keep(data: bytes) -> Path:
    CORPUS.mkdir(exist_ok=True)
    path = CORPUS / f"{sha256(data).hexdigest()[:16]}.bin"
    path.write_bytes(data)
    return path
