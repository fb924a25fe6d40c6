"""The calls of the REST API that the plug-in makes."""

import http.client
import json
import socket
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlsplit

from .access import Access
from .errors import Away, PluginError, Refused

Answer = dict[str, Any]
_PAGE = 500
_SILENCE = 30
"""Seconds of silence after which the other end of a connection is asked whether it lives."""


class Body:
    """The body of an answer, piece by piece, for as long as it takes."""

    def __init__(
        self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse
    ) -> None:
        self._connection = connection
        self._response = response
        connection.sock.settimeout(None)
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _SILENCE)

    def read(self, most: int) -> bytes:
        """What has come; empty at the end. Raises OSError, HTTPException where it broke off."""
        return self._response.read1(most)

    def cut(self) -> None:
        """End a `read` that waits, from another thread."""
        with suppress(OSError):
            self._connection.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class Gateway:
    """One gateway. Every call raises Away or Refused; each has a connection of its own."""

    def __init__(self, access: Access, timeout: float) -> None:
        self._access = access
        self._timeout = timeout

    def resources(self) -> list[Answer]:
        """All resources."""
        found: list[Answer] = []
        cursor = ""
        while True:
            page = self.call("GET", f"/v1/resources?limit={_PAGE}{cursor}")
            found += page["items"]
            if not page.get("next_cursor"):
                return found
            cursor = f"&cursor={quote(page['next_cursor'])}"

    def call(
        self, method: str, path: str, body: Answer | None = None, timeout: float | None = None
    ) -> Answer:
        """One call; its answer, empty where it has none."""
        connection = self._connection(timeout or self._timeout)
        try:
            text = self._ask(connection, method, path, body).read()
            answer: Answer = json.loads(text) if text else {}
        except (OSError, http.client.HTTPException) as error:
            raise self._away(error) from None
        except ValueError:
            raise Away(f"what answers at {self._access.url} is no Capflow gateway") from None
        finally:
            connection.close()
        return answer

    def stream(self, path: str) -> Body:
        """Ask for an answer that may take for ever."""
        connection = self._connection(self._timeout)
        try:
            return Body(connection, self._ask(connection, "GET", path, None))
        except BaseException:
            connection.close()
            raise

    def _ask(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: Answer | None
    ) -> http.client.HTTPResponse:
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, self._headers())
            response = connection.getresponse()
            if response.status < 300:
                return response
            problem = response.read(1 << 20)
        except (OSError, http.client.HTTPException) as error:
            raise self._away(error) from None
        raise _refusal(response.status, response.reason, problem, self._access)

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        parts = urlsplit(self._access.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise PluginError(f"CAPFLOW_URL: {self._access.url} is no http:// or https:// address")
        if parts.scheme == "https":
            return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout)
        return http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)

    def _headers(self) -> dict[str, str]:
        key = self._access.key
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return headers | {"Content-Type": "application/json", "Accept-Encoding": "identity"}

    def _away(self, error: Exception) -> Away:
        url = self._access.url
        if isinstance(error, TimeoutError):
            return Away(f"the gateway at {url} does not answer in time")
        if isinstance(error, ConnectionRefusedError):
            return Away(f"no gateway answers at {url}; start one, or set CAPFLOW_URL")
        return Away(f"the gateway at {url} cannot be reached ({error})")


def _refusal(status: int, reason: str, body: bytes, access: Access) -> PluginError:
    try:
        problem = json.loads(body)
        code, detail = str(problem["code"]), str(problem["detail"]).removeprefix("filter: ")
    except (ValueError, KeyError, TypeError):
        return Away(f"what answers at {access.url} is no Capflow gateway ({status} {reason})")
    if status == 401:
        detail = (
            f"the gateway at {access.url} asks for an API key that it knows;"
            " set CAPFLOW_KEY and run `capflow wireshark install` again"
        )
    return Refused(detail, code, problem)
