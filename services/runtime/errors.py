"""The error tree. Whether waiting helps is a type, not a guess:

CapflowError
 ├── Unavailable        something we depend on is away: try again
 │    ├── BusUnavailable
 │    ├── TasksUnavailable
 │    └── StoreUnavailable
 ├── Unroutable         the broker has no queue for this message
 ├── Undecodable        a message that nobody can read: to the dead letters
 └── BadSetting         a setting is wrong: the start stops
"""


class CapflowError(Exception):
    """What happened, to what, and what to do."""


class Unavailable(CapflowError):
    """Something we depend on is away; the same call may succeed later."""


class BusUnavailable(Unavailable):
    """The message bus is away or does not answer."""


class TasksUnavailable(Unavailable):
    """The task store (Redis) is away or does not answer."""


class StoreUnavailable(Unavailable):
    """A packet endpoint is away or does not answer."""


class Unroutable(CapflowError):
    """The broker has no queue for a message that must have one."""


class Undecodable(CapflowError):
    """A message that cannot be read, now or later; the text is the reason for the dead letter."""


class BadSetting(CapflowError):
    """A setting is wrong; the text names the variable and what it may be."""
