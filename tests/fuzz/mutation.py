"""Makes broken inputs out of good ones, the same for the same seed."""

import random
from collections.abc import Callable, Iterator, Sequence

_INTERESTING = (b"\0", b"\x01", b"\x7f", b"\x80", b"\xff", b"\xff\xff", bytes(4), b"\xff" * 4)
_LONGEST = 65_536
"""Bytes: no packet is longer."""


def inputs(good: Sequence[bytes], seed: int, count: int) -> Iterator[bytes]:
    """`count` inputs: good ones with some bytes changed, cut, doubled or joined, and pure noise."""
    chance = random.Random(seed)
    steps: tuple[Callable[[random.Random, bytearray, Sequence[bytes]], None], ...] = (
        _flip, _flip, _flip, _overwrite, _cut, _cut, _double, _repeat, _join, _noise,
    )  # fmt: skip
    for _ in range(count):
        data = bytearray(chance.choice(good))
        for _ in range(chance.randrange(1, 4)):
            chance.choice(steps)(chance, data, good)
        yield bytes(data[:_LONGEST])


def _flip(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] = chance.getrandbits(8)


def _overwrite(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    piece = chance.choice(_INTERESTING)
    at = chance.randrange(len(data) + 1)
    data[at : at + len(piece)] = piece


def _cut(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    del data[chance.randrange(len(data) + 1) :]


def _double(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = chance.randrange(len(data) + 1)
    data[at:at] = data[at : at + chance.randrange(1, 64)]


def _repeat(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    """Headers that nest, tags and names without an end; seldom up to the longest packet."""
    at = chance.randrange(len(data) + 1)
    data[at:at] = data[at : at + chance.randrange(1, 48)] * chance.choice((10, 10, 10, 100, 3000))


def _join(chance: random.Random, data: bytearray, good: Sequence[bytes]) -> None:
    data[chance.randrange(len(data) + 1) :] = chance.choice(good)


def _noise(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    data[:] = chance.randbytes(chance.randrange(200))
