"""The REST API as Python calls."""

import base64
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Self, TypeVar
from uuid import UUID

import httpx2
from pydantic import BaseModel, ValidationError

from contracts.dissection import PacketDetails
from contracts.resource import Resource
from contracts.rest import (
    KeyInfo,
    KeyRequest,
    NewKey,
    Page,
    Problem,
    Role,
    StartAnswer,
    StartRequest,
    Ticket,
)
from contracts.stream import PacketSummary
from contracts.task import Capture, Task
from services.client.errors import ApiError, GatewayAway

Answer = TypeVar("Answer", bound=BaseModel)
_TIMEOUT = 10.0
"""Seconds; the gateway itself gives up on the broker and the store sooner."""
_DEAD_AFTER = (
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 20),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4),
)
"""A gateway's host that is gone without a word is noticed within a minute, also while a file that
is followed has no packet to send (tcp(7))."""


@dataclass(frozen=True, slots=True)
class Download:
    """A file as it comes."""

    sha256: str | None
    """Of the whole file, hexadecimal, where the gateway knows it (`Repr-Digest`, RFC 9530)."""
    pieces: AsyncIterator[bytes]


class Gateway:
    """One gateway, with one key. Use it as an async context manager.

    Every call raises ApiError where the gateway refuses, and GatewayAway where it does not answer.
    """

    def __init__(
        self, url: str, key: str | None, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.url = url
        keepalive = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), *_DEAD_AFTER]
        self._http = httpx2.AsyncClient(
            base_url=url,
            headers=headers,
            timeout=_TIMEOUT,
            transport=transport
            or httpx2.AsyncHTTPTransport(verify=_trust(url), socket_options=keepalive),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def resources(self) -> Page[Resource]:
        """The resources heard of."""
        return await self._get("/v1/resources", Page[Resource])

    async def resource(self, name: str) -> Resource:
        """One resource."""
        return await self._get(f"/v1/resources/{name}", Resource)

    async def start(self, request: StartRequest, idempotency_key: str | None = None) -> StartAnswer:
        """Ask for a capture. Repeated with the same key or task id, it happens once."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        body = request.model_dump(mode="json", exclude_none=True)
        return await self._call("POST", "/v1/captures", StartAnswer, json=body, headers=headers)

    async def task(self, task_id: UUID, wait: float = 0) -> Task:
        """A task, once it is no longer `requested`, or after `wait` seconds."""
        params = {"wait": f"{wait:g}"} if wait else {}
        timeout = _TIMEOUT + wait
        path = f"/v1/tasks/{task_id}"
        return await self._call("GET", path, Task, params=params, timeout=timeout)

    async def stop(self, session: str) -> None:
        """Ask for a capture's end; it ends soon after. Stopping an ended one does nothing."""
        await self._send("POST", f"/v1/captures/{session}/stop")

    async def captures(self, **query: str | int | None) -> Page[Capture]:
        """Captures, newest first; `state`, `resource`, `service`, `limit`, `cursor` narrow it."""
        given = {name: value for name, value in query.items() if value is not None}
        return await self._get("/v1/captures", Page[Capture], given)

    async def capture(self, session: str) -> Capture:
        """One capture."""
        return await self._get(f"/v1/captures/{session}", Capture)

    async def packets(
        self, session: str, start: int = 0, limit: int = 100, filter: str = ""
    ) -> Page[PacketSummary]:
        """Up to `limit` packets of a capture from number `start`."""
        query: dict[str, str | int] = {"from": start, "limit": limit}
        query.update({"filter": filter} if filter else {})
        return await self._get(f"/v1/captures/{session}/packets", Page[PacketSummary], query)

    async def ticket(self, session: str) -> Ticket:
        """A fresh right to watch a capture."""
        return await self._call("POST", f"/v1/captures/{session}/ticket", Ticket)

    async def delete(self, session: str) -> None:
        """Remove an ended capture and its packets."""
        await self._send("DELETE", f"/v1/captures/{session}")

    async def packet(self, session: str, number: int) -> PacketDetails:
        """One packet, taken apart."""
        return await self._get(f"/v1/captures/{session}/packets/{number}", PacketDetails)

    async def keys(self, cursor: str | None = None) -> Page[KeyInfo]:
        """API keys by name, without the keys."""
        return await self._get("/v1/keys", Page[KeyInfo], {"cursor": cursor} if cursor else {})

    async def create_key(self, name: str, role: Role) -> NewKey:
        """Make an API key; the answer is the only one that holds it."""
        body = KeyRequest(name=name, role=role).model_dump(mode="json")
        return await self._call("POST", "/v1/keys", NewKey, json=body)

    async def revoke_key(self, name: str) -> None:
        """Remove an API key."""
        await self._send("DELETE", f"/v1/keys/{name}")

    @asynccontextmanager
    async def pcapng(self, session: str, live: bool = False) -> AsyncIterator[Download]:
        """The capture as a pcapng file, piece by piece; a `live` one goes on until it ends."""
        path = f"/v1/captures/{session}/pcapng"
        params = {"live": "1"} if live else {}
        timeout = httpx2.Timeout(_TIMEOUT, read=None if live else 2 * _TIMEOUT)
        with _errors(self.url):
            async with self._http.stream("GET", path, params=params, timeout=timeout) as response:
                if not response.is_success:
                    await response.aread()
                    raise _refusal(response)
                yield Download(_digest(response), response.aiter_bytes())

    async def events(self) -> AsyncIterator[Task]:
        """What happens to tasks from now on, until the connection ends (server-sent events)."""
        with _errors(self.url):
            async with self._http.stream("GET", "/v1/events", timeout=None) as response:
                if not response.is_success:
                    await response.aread()
                    raise _refusal(response)
                async for line in response.aiter_lines():
                    if line.startswith("data:"):
                        yield Task.model_validate_json(line.removeprefix("data:"))

    async def _get(
        self, path: str, answer: type[Answer], params: dict[str, str | int] | None = None
    ) -> Answer:
        return await self._call("GET", path, answer, params=params or {})

    async def _call(self, method: str, path: str, answer: type[Answer], **more: Any) -> Answer:
        response = await self._send(method, path, **more)
        try:
            return answer.model_validate_json(response.content)
        except ValidationError:
            raise GatewayAway(f"what answers at {self.url} is no Capflow gateway") from None

    async def _send(self, method: str, path: str, **more: Any) -> httpx2.Response:
        with _errors(self.url):
            response = await self._http.request(method, path, **more)
        if not response.is_success:
            raise _refusal(response)
        return response


@contextmanager
def _errors(url: str) -> Iterator[None]:
    try:
        yield
    except httpx2.ConnectError as error:
        raise GatewayAway(f"no gateway answers at {url} ({error})") from error
    except httpx2.TimeoutException as error:
        raise GatewayAway(f"the gateway at {url} does not answer in time") from error
    except httpx2.TransportError as error:
        raise GatewayAway(f"the connection to the gateway at {url} broke ({error})") from error


def _refusal(response: httpx2.Response) -> ApiError:
    return ApiError(_problem(response), _retry_after(response))


def _digest(response: httpx2.Response) -> str | None:
    for part in response.headers.get("Repr-Digest", "").split(","):
        name, _, value = part.strip().partition("=")
        if name == "sha-256" and len(value) > 2 and value[0] == value[-1] == ":":
            return base64.b64decode(value[1:-1]).hex()
    return None


def _problem(response: httpx2.Response) -> Problem:
    """The problem in an answer, or one made from its status where another server answered.

    Of a wrong key a gateway says no more than of none; whether one was sent is known here.
    """
    try:
        problem = Problem.model_validate_json(response.content)
        if problem.status == 401 and "Authorization" in response.request.headers:
            detail = "the gateway does not know this API key"
            return problem.model_copy(update={"detail": detail})
        return problem
    except ValidationError:
        status, reason = response.status_code, response.reason_phrase
        detail = f"{response.url} answered {status} {reason}"
        return Problem(type="", title=reason, status=status, detail=detail, code="http")


def _retry_after(response: httpx2.Response) -> float | None:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else None


def _trust(url: str) -> ssl.SSLContext | bool:
    """Where there is no TLS, no certificates: to load them takes longer than a call."""
    return url.lower().startswith("https:") or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
