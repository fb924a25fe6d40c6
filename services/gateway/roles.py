"""Who sends a request, and what they may do."""

from dataclasses import dataclass

from contracts.rest import Role


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request: the name and the role of the key that came with it."""

    name: str
    role: Role
