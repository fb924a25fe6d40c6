"""Settings: environment variables with the prefix `CAPFLOW_`, one class a service."""

import re
from math import inf, isfinite
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from services.runtime.errors import BadSetting

PREFIX = "CAPFLOW_"

_SECONDS = {"ms": 0.001, "": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_BYTES = {
    "": 1, "b": 1,
    "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip
_QUANTITY = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([a-zA-Z]*)\s*")


def parse_duration(value: object) -> object:
    """Seconds of `7d`, `30s`, `1.5`; what is no text is left to the type's own check."""
    if not isinstance(value, str):
        return value
    return _quantity(value, _SECONDS, "a duration such as 30s, 5m, 12h or 7d")


def parse_size(value: object) -> object:
    """Bytes of `256MiB`, `20GB`, `4096`; what is no text is left to the type's own check."""
    if not isinstance(value, str):
        return value
    return int(_quantity(value, _BYTES, "a size such as 512KiB, 256MiB or 20GiB"))


Duration = Annotated[float, NoDecode, BeforeValidator(parse_duration), Field(gt=0)]
"""Seconds."""
Size = Annotated[int, NoDecode, BeforeValidator(parse_size), Field(gt=0)]
"""Bytes."""
Port = Annotated[int, Field(ge=0, le=65_535)]
"""A TCP port; 0 takes any free one."""


class ServiceSettings(BaseSettings):
    """What every service can be told."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    data: Path = Field(
        default=Path("~/.local/share/capflow"),
        description="folder of stored packets, spool, keys and the agent's id",
    )
    host: str = Field(default="127.0.0.1", description="address to listen on")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least severe log line that is written"
    )
    log_format: Literal["auto", "console", "json"] = Field(
        default="auto", description="`auto` is console on a terminal, json elsewhere"
    )

    @property
    def data_folder(self) -> Path:
        """The data folder with `~` resolved."""
        return self.data.expanduser()


class BusSettings(ServiceSettings):
    """Where the message bus is."""

    bus_url: str = Field(
        default="memory://",
        repr=False,
        pattern=r"^(memory://|amqps?://.+)",
        description="message bus: memory:// (inside `capflow up` only), amqp://… or amqps://…",
    )


class TasksSettings(ServiceSettings):
    """Where the task store is."""

    tasks_url: str = Field(
        default="memory://",
        repr=False,
        pattern=r"^(memory://|rediss?://.+|unix://.+)",
        description="task store: memory:// (inside `capflow up` only), redis://… or rediss://…",
    )


Settings = TypeVar("Settings", bound=ServiceSettings)


def load(cls: type[Settings], **overrides: Any) -> Settings:
    """The settings of the environment. Raises BadSetting with each wrong variable's name."""
    try:
        return cls(**overrides)
    except ValidationError as error:
        raise BadSetting(_explain(cls, error)) from None


def variable(name: str) -> str:
    """The environment variable of a settings field."""
    return (PREFIX + name).upper()


def describe(cls: type[ServiceSettings]) -> list[tuple[str, str, str]]:
    """Every variable of a service: its name, its default, what it means."""
    return [
        (variable(name), _default(field), field.description or "")
        for name, field in cls.model_fields.items()
    ]


def _default(field: FieldInfo) -> str:
    """What the default is, or, where it is made at the start, how (`Field(examples=[…])`)."""
    if field.examples:
        return str(field.examples[0])
    return "none" if field.default in (None, "") or field.is_required() else str(field.default)


def _explain(cls: type[ServiceSettings], error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        name = str(problem["loc"][0]) if problem["loc"] else "?"
        meaning = cls.model_fields[name].description if name in cls.model_fields else ""
        text = problem["msg"].removeprefix("Value error, ")
        lines.append(f"{variable(name)}: {text} ({meaning})")
    return "\n".join(lines)


def _quantity(text: str, units: dict[str, Any], expected: str) -> float:
    found = _QUANTITY.fullmatch(text)
    unit = units.get(found[2].lower()) if found else None
    quantity = float(found[1]) * float(unit) if found and unit is not None else inf
    if not isfinite(quantity):  # as is a number of very many digits
        raise ValueError(f"must be {expected}")
    return quantity
