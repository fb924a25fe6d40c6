"""How long things may take, in seconds. Operators tune what is in the settings; these are rules."""

from dataclasses import dataclass

from contracts.topology import COMMAND_EXPIRATION


@dataclass(frozen=True, slots=True)
class Timing:
    """Bounds and paces of the dispatcher, in seconds."""

    answer: float = COMMAND_EXPIRATION
    """An agent that has not taken an order by then has failed."""
    grace: float = 30.0
    """What a capture may run past its own limit before it is ended from outside."""
    command: float = COMMAND_EXPIRATION
    """A start that could not be carried out by then must not happen any more."""
    contest: float = 2.0
    """How long a start waits to learn who holds the claim it did not get."""
    reap: float = 0.5
    """Between two looks of the reaper."""
    sweep: float = 5.0
    """Between two comparisons of the task store with the stored records."""
    retain: float = 60.0
    """Between two rounds of removing what is stored too long."""

    @property
    def claim(self) -> float:
        """How long a claim is held before its task exists; longer than any start is tried."""
        return self.command * 1.5
