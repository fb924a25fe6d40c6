"""The two kinds of pydantic model: messages forgive what they do not know, requests do not."""

from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, StringConstraints


def _no_nul(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not hold a NUL character")
    return text


Text = Annotated[str, StringConstraints(max_length=1024), AfterValidator(_no_nul)]
"""A short piece of text that somebody wrote: at most 1,024 characters, no NUL."""

Instant = AwareDatetime
"""A point in time; written as RFC 3339 in UTC."""


class Message(BaseModel):
    """A message between versions that live side by side: unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Request(BaseModel):
    """A request of a person or program: an unknown field is a mistake, and said so."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
