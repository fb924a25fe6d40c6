"""The page's files, read once, and the policy under which a browser runs them."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

FOLDER = Path(__file__).with_name("page")
INDEX = "index.html"

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
_ORIGIN = re.compile(r"wss?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of the page."""

    body: bytes
    media_type: str
    etag: str
    """A strong validator (RFC 9110 section 8.8.3): the digest of the body."""

    def is_known(self, if_none_match: str) -> bool:
        """Whether the reader has this version, by the If-None-Match header that it sent."""
        known = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
        return self.etag in known or known == ["*"]


def read_site(folder: Path = FOLDER) -> Mapping[str, Asset]:
    """Every file to serve, by its path in the folder; what is not here is not served."""
    found = (path for path in sorted(folder.rglob("*")) if path.suffix in _TYPES)
    return {path.relative_to(folder).as_posix(): _asset(path) for path in found}


def content_policy(stream_address: str) -> str:
    """The Content-Security-Policy: our own files, our own calls, and the streamer.

    `stream_address` may come from what a client calls this host, so that only what is plainly
    an origin gets into the header.
    """
    address = urlsplit(stream_address)
    origin = f"{address.scheme}://{address.netloc}"
    streamer = f" {origin}" if _ORIGIN.fullmatch(origin) else ""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; "
        f"connect-src 'self'{streamer}; img-src 'self' data:; worker-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _asset(path: Path) -> Asset:
    body = path.read_bytes()
    return Asset(body, _TYPES[path.suffix], f'"{hashlib.sha256(body).hexdigest()[:32]}"')
