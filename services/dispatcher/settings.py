"""The dispatcher's settings."""

from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import NoDecode

from contracts.order import Caps
from services.packets.endpoints.setting import EndpointSettings
from services.runtime.settings import (
    BusSettings,
    Duration,
    Port,
    Size,
    TasksSettings,
    parse_size,
)

_EXPECTED = "such as seconds=86400,bytes=10GiB,packets=1000000, each at most once and above 0"


def parse_caps(value: object) -> object:
    """The caps of `seconds=86400,bytes=10GiB`; what is no text is left to the type's own check."""
    if not isinstance(value, str):
        return value
    caps: dict[str, object] = {}
    for part in filter(None, value.split(",")):
        name, equals, amount = (piece.strip() for piece in part.partition("="))
        if not equals or name not in Caps.model_fields or name in caps:
            raise ValueError(f"must be {_EXPECTED}")
        caps[name] = _amount(name, amount)
    try:
        return Caps.model_validate(caps)
    except ValidationError:
        raise ValueError(f"must be {_EXPECTED}") from None


def _amount(name: str, text: str) -> object:
    return parse_size(text) if name == "bytes" else text


class DispatcherSettings(BusSettings, TasksSettings, EndpointSettings):
    """What the dispatcher can be told."""

    dispatcher_port: Port = Field(
        default=8082, description="port of health and metrics; 0 takes any free one"
    )
    keepalive: Duration = Field(
        default=5.0, description="seconds between two KeepAlives; a lease is three of them"
    )
    limits: Annotated[Caps, NoDecode, BeforeValidator(parse_caps)] = Field(
        default=Caps(seconds=86_400),
        description=f"the operator's caps on any capture, {_EXPECTED}",
        examples=["seconds=86400"],
    )
    retention: Duration = Field(
        default=7 * 86_400.0,
        description="how long an ended capture is kept, such as 12h or 7d",
        examples=["7d"],
    )
    quota: Size = Field(
        default=20 << 30,
        description="captured bytes kept in all, such as 20GiB; the oldest captures go first",
        examples=["20GiB"],
    )
