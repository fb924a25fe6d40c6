"""What was found at one place, and what to do about it."""

from typing import Literal

from contracts.model import Message

State = Literal["ok", "note", "warn", "fail"]


class Finding(Message):
    """One thing that was looked at."""

    name: str
    state: State
    """`note` is neither good nor bad; `warn` works, but not as it might; `fail` does not."""
    detail: str
    next_step: str | None = None


class Examination(Message):
    """Everything that was found."""

    ok: bool
    """Whether nothing has failed."""
    checks: list[Finding]


def ok(name: str, detail: str) -> Finding:
    """Something is as it should be."""
    return Finding(name=name, state="ok", detail=detail)


def note(name: str, detail: str, next_step: str | None = None) -> Finding:
    """Something is so, and may be meant so."""
    return Finding(name=name, state="note", detail=detail, next_step=next_step)


def warn(name: str, detail: str, next_step: str) -> Finding:
    """Something works, but not as it might."""
    return Finding(name=name, state="warn", detail=detail, next_step=next_step)


def fail(name: str, detail: str, next_step: str) -> Finding:
    """Something does not work."""
    return Finding(name=name, state="fail", detail=detail, next_step=next_step)
