"""`CAPFLOW_ENDPOINTS`: which endpoints there are, and where."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated
from urllib.parse import quote, unquote, urlsplit

from pydantic import AfterValidator, Field

from contracts.names import is_name
from contracts.order import EndpointType
from services.runtime.settings import ServiceSettings

_TYPES: dict[str, EndpointType] = {
    "mongodb": "mongodb",
    "mongodb+srv": "mongodb",
    "sqlite": "sqlite",
}
_EXPECTED = (
    "must be name=url, comma-separated, where a url is mongodb://…, mongodb+srv://… or "
    "sqlite:///<path>"
)
_BETWEEN = re.compile(r"\s*,\s*(?=[^,=/?]*=[a-z+]*://)")
"""A comma before another `name=scheme://`: an address of MongoDB may hold commas of its own."""


@dataclass(frozen=True, slots=True)
class EndpointSetting:
    """One endpoint. Its address may hold credentials, so it is left out of `repr`."""

    name: str
    type: EndpointType
    url: str = field(repr=False)

    @property
    def path(self) -> Path:
        """The file of a `sqlite` endpoint; a comma in it is written %2C."""
        return Path("/" + unquote(urlsplit(self.url).path).lstrip("/"))


def parse_endpoints(text: str) -> tuple[EndpointSetting, ...]:
    """The endpoints of `name=url,…`. Raises ValueError, which never holds an address."""
    endpoints = tuple(_parse(part) for part in _BETWEEN.split(text.strip()))
    names = [endpoint.name for endpoint in endpoints]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"names the endpoint {name!r} twice")
    return endpoints


def sqlite_url(path: Path) -> str:
    """The address of a SQLite file."""
    return f"sqlite://{quote(str(path.absolute()))}"


def _parse(part: str) -> EndpointSetting:
    name, _, url = part.partition("=")
    if not is_name(name):
        shown = "an empty one" if not name else "one" if "/" in name else repr(name)
        raise ValueError(
            f"{_EXPECTED}; a name is lower-case letters, digits and hyphens, not {shown}"
        )
    kind = _TYPES.get(urlsplit(url).scheme)
    if kind is None or not _names_a_place(url, kind):
        raise ValueError(f"{_EXPECTED}; that of {name!r} is none of these")
    return EndpointSetting(name, kind, url)


def _names_a_place(url: str, kind: EndpointType) -> bool:
    parts = urlsplit(url)
    if kind == "sqlite":
        return not parts.netloc and len(parts.path) > 1 and "," not in url
    return bool(parts.netloc.rpartition("@")[2])


def _checked(text: str | None) -> str | None:
    if text is not None:
        parse_endpoints(text)
    return text


class EndpointSettings(ServiceSettings):
    """Where packets are stored."""

    endpoints: Annotated[str | None, AfterValidator(_checked)] = Field(
        default=None,
        repr=False,
        examples=["main=sqlite:///<data>/packets.db"],
        description=(
            "where packets are stored: name=url, comma-separated, the first is the default; "
            "mongodb://… or (inside `capflow up` only) sqlite:///<path>"
        ),
    )

    def endpoint_settings(self) -> tuple[EndpointSetting, ...]:
        """The endpoints; without the setting one SQLite file in the data folder."""
        if self.endpoints is not None:
            return parse_endpoints(self.endpoints)
        url = sqlite_url(self.data_folder / "packets.db")
        return (EndpointSetting("main", "sqlite", url),)
