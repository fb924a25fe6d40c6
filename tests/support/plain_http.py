"""A client for HTTP that is told of no certificates: to load them takes 50 ms of the processor."""

import ssl
from typing import Any

import httpx2

_TRUSTS_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def plain_client(**options: Any) -> httpx2.AsyncClient:
    """A client for `http://` addresses, `options` as httpx2 has them; `https://` would fail."""
    return httpx2.AsyncClient(verify=_TRUSTS_NOBODY, **options)
