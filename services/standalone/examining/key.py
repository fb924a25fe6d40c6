"""The API key: where it is from, whether the gateway knows it, and what it may do."""

import httpx2

from services.client.settings import ClientSettings
from services.client.whereabouts import KEY_FILE
from services.standalone.examining.finding import Finding, fail, ok, warn

_STEP = "set CAPFLOW_KEY to a key of this gateway; its admin makes one by `capflow key create NAME`"


async def examine(http: httpx2.AsyncClient, settings: ClientSettings) -> Finding:
    """What the gateway makes of the key that `http` sends."""
    if settings.secret is None:
        return fail("key", _why_none(settings), _STEP)
    file = settings.data_folder / KEY_FILE
    origin = "CAPFLOW_KEY" if settings.key else f"the admin key in {file}"
    try:
        read = await http.get("/v1/resources?limit=1")
        admin = await http.get("/v1/keys?limit=1")
    except httpx2.HTTPError as error:
        return _untold(origin, str(error) or type(error).__name__)
    if read.status_code == 401:
        return fail("key", f"{origin} is refused: the gateway does not know it", _STEP)
    if admin.is_success:
        return ok("key", f"{origin} is valid, role admin")
    if admin.status_code == 403:
        return ok("key", f"{origin} is valid: {_words(admin).rpartition('; ')[2]}")
    return _untold(origin, _words(admin))


def _why_none(settings: ClientSettings) -> str:
    file = settings.data_folder / KEY_FILE
    if settings.url and file.exists():
        return f"CAPFLOW_KEY is not set, and the one in {file} is sent to this machine alone"
    return f"CAPFLOW_KEY is not set, and there is no {file}"


def _untold(origin: str, why: str) -> Finding:
    step = "look again when the gateway answers"
    return warn("key", f"the gateway cannot say now whether {origin} is valid: {why}", step)


def _words(refusal: httpx2.Response) -> str:
    """What a refusal says; of a role that does not do, the key's name and role come last."""
    try:
        return str(refusal.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"{refusal.status_code} {refusal.reason_phrase}"
