"""What is wrong after a fault, by invariant.

I1: nothing acknowledged is lost: a 202 becomes exactly one task; a block acknowledged is there.
I2: per viewer: no repeat, no disorder, every checksum right, nothing invented.
I3: every hole is told, its count is exact, the ledger closes.
I4: no capture outlives its bound; none runs that nobody wants; no key or lease stays behind.
I5: memory and queues stay under their limits.
I6: within 10 s after the fault a fresh start, packet, stop works.
"""

from dataclasses import dataclass, field, fields

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6")


@dataclass(slots=True)
class Verdict:
    """Complaints by invariant; none, where all is well. `own` are of what one fault alone asks."""

    i1: list[str] = field(default_factory=list)
    i2: list[str] = field(default_factory=list)
    i3: list[str] = field(default_factory=list)
    i4: list[str] = field(default_factory=list)
    i5: list[str] = field(default_factory=list)
    i6: list[str] = field(default_factory=list)
    own: list[str] = field(default_factory=list)

    def add(self, other: "Verdict") -> None:
        """Take in what else is wrong."""
        for each in fields(self):
            getattr(self, each.name).extend(getattr(other, each.name))

    def must(self, holds: object, complaint: str) -> None:
        """Complain unless what this fault alone asks for holds."""
        if not holds:
            self.own.append(complaint)

    def of(self, invariant: str) -> list[str]:
        """The complaints of one invariant by its name, or of `own`."""
        found: list[str] = getattr(self, invariant.lower())
        return found

    @property
    def well(self) -> bool:
        """Whether nothing is wrong."""
        return not any(getattr(self, each.name) for each in fields(self))
