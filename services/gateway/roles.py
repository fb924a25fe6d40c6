"""Who may do what: three roles, each of which includes the one before."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What an API key may be used for."""

    VIEWER = "viewer"
    """Reads captures."""
    OPERATOR = "operator"
    """Also starts and stops them."""
    ADMIN = "admin"
    """Also deletes them and manages keys."""

    def includes(self, needed: "Role") -> bool:
        """Whether this role may do what `needed` may."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(needed)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request: the name and the role of the key that came with it."""

    name: str
    role: Role
