"""Who asks: every request under /v1 shows an API key, before anything of it is read."""

import re
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from services.gateway.bearer import bearer_key
from services.gateway.buckets import Buckets
from services.gateway.keyring import Keyring
from services.gateway.metrics import Metrics
from services.gateway.problems import Refused
from services.gateway.roles import Caller

WRONG_KEYS_PER_MINUTE = 60

GUARDED = re.compile(r"/v1(/|$)")


class Authenticator:
    """Tells callers by their keys, and holds back those who guess."""

    def __init__(self, keyring: Keyring, metrics: Metrics, clock: Callable[[], float]) -> None:
        self._keyring = keyring
        self._metrics = metrics
        self._clock = clock
        self._wrong = Buckets(WRONG_KEYS_PER_MINUTE)

    def caller(self, header: str | None, client: str) -> Caller:
        """The caller of a request from the address `client`. Raises Refused.

        A right key is let in whoever else guesses from its address: callers behind one proxy
        share one, and 256 random bits are not to be guessed at any rate.
        """
        key = bearer_key(header)
        if key is None:
            raise self._refused("none")
        caller = self._keyring.caller(key)
        if caller is not None:
            return caller
        wait = self._wrong.take(client, self._clock())
        raise self._limited(wait) if wait else self._refused("wrong")

    def _refused(self, reason: str) -> Refused:
        self._metrics.not_authenticated.labels(reason).inc()
        detail = "send an API key as `Authorization: Bearer <key>`"
        challenge = {"WWW-Authenticate": "Bearer"}
        return Refused("not-authenticated", detail, headers=challenge)

    def _limited(self, wait: float) -> Refused:
        self._metrics.not_authenticated.labels("limited").inc()
        detail = "too many wrong API keys came from this address; wait, and send a right one"
        return Refused("too-many-wrong-keys", detail, retry_after=wait)


class AuthenticationMiddleware:
    """Refuses a guarded request without a valid key; puts the caller of others in its state."""

    def __init__(self, app: ASGIApp, authenticator: Authenticator) -> None:
        self._app = app
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request (ASGI)."""
        if scope["type"] == "http" and GUARDED.match(scope["path"]):
            address = scope["client"][0] if scope.get("client") else ""
            header = Headers(scope=scope).get("authorization")
            try:
                caller = self._authenticator.caller(header, address)
            except Refused as refused:
                await refused.response()(scope, receive, send)
                return
            scope.setdefault("state", {})["caller"] = caller
        await self._app(scope, receive, send)
