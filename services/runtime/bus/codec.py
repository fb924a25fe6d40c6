"""Messages as JSON: written from a model, read into one, or refused with the reason."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from contracts.topology import MESSAGE_VERSION, VERSION_HEADER
from services.runtime.bus.limits import MAX_MESSAGE_BYTES
from services.runtime.bus.port import Incoming, Outgoing
from services.runtime.errors import Undecodable

M = TypeVar("M", bound=BaseModel)

_REASONS_SHOWN = 3


def encode(type: str, model: BaseModel, **fields: Any) -> Outgoing:
    """`model` as a message of this `type`; `fields` are other fields of `Outgoing`."""
    return Outgoing(type, model.model_dump_json().encode(), **fields)


def decode(incoming: Incoming, models: Mapping[str, type[M]]) -> M:
    """The message as the model of its type. Whatever the bytes are, only Undecodable is raised."""
    model = models.get(incoming.type)
    if model is None:
        raise Undecodable(f"unknown type {_shown(incoming.type)}: known are {', '.join(models)}")
    _check_version(incoming.headers.get(VERSION_HEADER, MESSAGE_VERSION))
    if len(incoming.body) > MAX_MESSAGE_BYTES:
        raise Undecodable(too_large(len(incoming.body)))
    try:
        return model.model_validate_json(incoming.body)
    except ValidationError as error:
        raise Undecodable(f"not a {incoming.type}: {_reasons(error)}") from None


def too_large(size: int) -> str:
    """The reason for a message of `size` bytes, more than a message may have."""
    return f"{size} bytes, more than the {MAX_MESSAGE_BYTES} that a message may have"


def _check_version(version: object) -> None:
    if version != MESSAGE_VERSION or isinstance(version, bool):
        raise Undecodable(f"unknown version {_shown(version)}: known is {MESSAGE_VERSION}")


def _reasons(error: ValidationError) -> str:
    """Where and why, without what was sent: that may be secret, huge or hostile."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    shown = [f"{_place(one['loc'])}{one['msg']}" for one in found[:_REASONS_SHOWN]]
    more = len(found) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more else "")


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part)[:64] for part in location) + ": " if location else ""


def _shown(value: object) -> str:
    return ascii(value)[:80]
