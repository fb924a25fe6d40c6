"""The gateway that the command talks to: reachable, ready, of our version; its clock; its
streamer."""

import time
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from typing import Any

import httpx2
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidURI

from services.client.settings import ClientSettings
from services.client.whereabouts import ADDRESS_FILE
from services.gateway.settings import GatewaySettings
from services.runtime.settings import load
from services.standalone.examining import key
from services.standalone.examining.finding import Finding, fail, note, ok, warn

_PATIENCE = 8.0
"""Seconds: a gateway takes five to say that something it needs does not answer."""
_SKEW = 2.0
"""Seconds by which clocks may differ: a header tells whole ones."""


async def examine() -> list[Finding]:
    """Everything that can be seen of the gateway from here."""
    settings = load(ClientSettings)
    headers = {"Authorization": f"Bearer {settings.secret}"} if settings.secret else {}
    async with httpx2.AsyncClient(
        base_url=settings.address, headers=headers, timeout=_PATIENCE, trust_env=False
    ) as http:
        try:
            ready = await http.get("/readyz")
        except httpx2.HTTPError as error:
            return [_away(settings, error)]
        if not _is_gateway(ready):
            step = "set CAPFLOW_URL to the gateway's address"
            return [fail("gateway", f"what answers at {settings.address} is none", step)]
        return [
            _ready(settings.address, ready),
            await _version(http),
            _clock(ready),
            await key.examine(http, settings),
            await _streamer(http, settings),
        ]


def _away(settings: ClientSettings, error: Exception) -> Finding:
    meant = settings.url or (settings.data_folder / ADDRESS_FILE).exists()
    detail = f"none answers at {settings.address} ({str(error) or type(error).__name__})"
    step = "start one here with `capflow up`, or set CAPFLOW_URL to one that runs"
    return fail("gateway", detail, step) if meant else note("gateway", detail, step)


def _is_gateway(ready: httpx2.Response) -> bool:
    try:
        return bool(ready.json()["service"] == "gateway")
    except (ValueError, KeyError, TypeError):
        return False


def _ready(address: str, ready: httpx2.Response) -> Finding:
    checks: dict[str, str] = ready.json().get("checks", {})
    wrong = [f"{name}: {state}" for name, state in checks.items() if state != "ok"]
    if wrong:
        step = "mend these where the gateway runs; its log says more"
        return fail("gateway", f"{address} is not ready: {'; '.join(wrong)}", step)
    return ok("gateway", f"{address}, ready ({', '.join(checks) or 'no dependency'})")


async def _version(http: httpx2.AsyncClient) -> Finding:
    ours = version("capflow")
    theirs = (await _json(http, "/openapi.json")).get("info", {}).get("version")
    if theirs != ours:
        step = "install the same version on both sides"
        return warn("version", f"the gateway has {theirs}, and this is {ours}", step)
    return ok("version", f"{theirs}, as here")


def _clock(answer: httpx2.Response) -> Finding:
    try:
        theirs = parsedate_to_datetime(answer.headers["Date"]).timestamp()
    except (KeyError, ValueError):
        return note("clock", "the gateway does not tell its own")
    apart = time.time() - theirs
    if abs(apart) > _SKEW:
        step = "let NTP set both; captures are timed and named by their own host's clock"
        return warn("clock", f"{apart:+.0f} s against the gateway's", step)
    return ok("clock", f"as the gateway's, within {_SKEW:g} s")


async def _streamer(http: httpx2.AsyncClient, settings: ClientSettings) -> Finding:
    url = await _stream_url(http, settings)
    try:
        async with connect(url, open_timeout=_PATIENCE, close_timeout=1, proxy=None):
            return ok("streamer", f"answers at {url}")
    except (OSError, InvalidHandshake, InvalidURI, TimeoutError) as error:
        why = str(error) or type(error).__name__
        step = "start it, or mend the gateway's CAPFLOW_STREAM_URL, which viewers are given"
        return fail("streamer", f"none answers at {url} ({why})", step)


async def _stream_url(http: httpx2.AsyncClient, settings: ClientSettings) -> str:
    """Where the gateway sends viewers; it says so with a ticket, for which there must be a capture.
    Else where it would be by the settings here."""
    captures = (await _json(http, "/v1/captures?limit=1")).get("items", [])
    if captures:
        path = f"/v1/captures/{captures[0]['session']}/ticket"
        if url := (await _json(http, path, "POST")).get("url"):
            return str(url)
    host = httpx2.URL(settings.address).host
    return load(GatewaySettings).stream_address(host)


async def _json(http: httpx2.AsyncClient, path: str, method: str = "GET") -> dict[str, Any]:
    """What a call answers; nothing where it fails."""
    try:
        answer = (await http.request(method, path)).json()
    except (httpx2.HTTPError, ValueError):
        return {}
    return answer if isinstance(answer, dict) else {}
