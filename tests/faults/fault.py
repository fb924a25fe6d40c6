"""What a fault is. To add one: write `async def fault(world) -> Outcome`, and put it in a table.

The function injects, sees that it really happened (`really(…)`, or the run is void), waits for
recovery, and gives an `Outcome` with what it found wrong in I1, I2, I3 or in what it alone asks
(`verdict.must(…)`). I4, I5 and I6 are judged by `Ground` after every fault. `world.full` tells
whether it runs at full length or scaled down; `world.random` is the only source of chance.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.faults.outcome import Outcome
from tests.faults.world import World


@dataclass(frozen=True)
class Fault:
    """One row of the table of faults."""

    number: str
    title: str
    run: Callable[[Any], Awaitable[Outcome]]
    """Takes a world of the class `world`."""
    judges: str
    """The invariants that it is about, such as `I1 I4 I6`; the others are judged as well."""
    core: bool = False
    """Whether `make test` runs it, scaled down."""
    world: type[World] = World
    settings: Mapping[str, str] = field(default_factory=dict)
    """Settings of the stack; a stack goes on serving faults that ask for the same."""
    mongo_options: tuple[str, ...] = ()
    """Arguments for a mongod of its own."""
    alone: bool = False
    """Whether it leaves a stack that no other fault should use."""

    def __str__(self) -> str:
        return self.number
