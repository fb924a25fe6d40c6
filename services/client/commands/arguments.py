"""Arguments that are more than text: names of captures, numbers with units, positions, counts."""

import re
from typing import Any

import click
from click.shell_completion import CompletionItem

# The rules of `contracts.names`, which would have to be loaded at each Tab.
NAME_PATTERN = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
SESSION_PATTERN = rf"{NAME_PATTERN}\.{NAME_PATTERN}\.[0-9]{{14}}"


class Fitting(click.ParamType[str]):
    """Text of a known form; any other is refused before anybody is asked."""

    pattern: str
    objection: str

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """The text as it is."""
        text = str(value)
        if re.fullmatch(self.pattern, text):
            return text
        return self.fail(f"{text!r} {self.objection}", param, ctx)


class Name(Fitting):
    """The name of a resource, a service or a key."""

    name = "name"
    pattern = NAME_PATTERN
    objection = "can be no name: those have lower-case letters, digits and hyphens, 63 at most"


class Session(Fitting):
    """A capture's name."""

    name = "session"
    pattern = SESSION_PATTERN
    objection = "names no capture: that is HOST.SERVICE.yyyymmddhhmmss, as `capflow ls` lists them"


class Seconds(click.ParamType[int]):
    """Seconds, as settings take them: `90`, `5m`, `2h`."""

    name = "duration"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """The number of seconds."""
        from services.runtime.settings import parse_duration  # noqa: PLC0415 - not for the help

        return _number(self, parse_duration, value, param, ctx)


class Bytes(click.ParamType[int]):
    """Bytes, as settings take them: `4096`, `200MiB`."""

    name = "size"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """The number of bytes."""
        from services.runtime.settings import parse_size  # noqa: PLC0415 - not for the help

        return _number(self, parse_size, value, param, ctx)


def _number(kind: click.ParamType[int], parse: Any, value: Any, param: Any, ctx: Any) -> int:
    try:
        return int(parse(str(value)))
    except ValueError as error:
        return kind.fail(str(error), param, ctx)


class Position(click.ParamType[Any]):
    """`live`, `beginning`, or a packet's number."""

    name = "live|beginning|N"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The position as the stream takes it."""
        if value in ("live", "beginning"):
            return value
        if str(value).isdecimal() and int(value) < 2**63:
            return int(value)
        return self.fail("must be live, beginning, or the number of a packet", param, ctx)

    def shell_complete(self, _ctx: Any, _param: Any, incomplete: str) -> list[Any]:
        """The two words."""
        words = [word for word in ("live", "beginning") if word.startswith(incomplete)]
        return [CompletionItem(word) for word in words]


class Count(click.ParamType[int]):
    """How many packets; tcpdump's `-n` and `-nn`, which take none, are answered in words."""

    name = "count"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """The number, 1 or more."""
        text = str(value)
        if text.isdecimal() and int(text) > 0:
            return int(text)
        return self.fail(
            f"{text!r} is no number of packets from 1 on"
            " (names are never looked up, so tcpdump's -n is not needed)",
            param,
            ctx,
        )
