"""Names completed from the gateway: quick, and silent where there is none or it says no.

A shell waits for it at each Tab, so it takes neither the settings classes nor the Python client.
"""

import http.client
import json
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from click.shell_completion import CompletionItem

from services.client.whereabouts import address, secret

PATIENCE = 1.0
"""Seconds for which a shell may be kept waiting."""
RUNNING = ("running", "requested", "lost")
ENDED = ("stopped", "failed")
_MOST = 100

Complete = Callable[[Any, Any, str], list[CompletionItem]]
Rows = list[dict[str, Any]]
Names = Iterable[tuple[str, str]]
"""Names, each with what a shell may show beside it."""


def _quiet(find: Callable[[Any, Any], Names]) -> Complete:
    """Completes what `find` gives; nothing where anything is wrong: a shell is no place to say
    so."""

    def complete(ctx: Any, param: Any, incomplete: str) -> list[CompletionItem]:
        with suppress(OSError, http.client.HTTPException, ValueError, LookupError, TypeError):
            return [
                CompletionItem(name, help=meaning or None)
                for name, meaning in find(ctx, param)
                if name.startswith(incomplete)
            ]
        return []

    return complete


@_quiet
def resources(_ctx: Any, _param: Any) -> Names:
    """Resources, with whether they are online."""
    found = _fetch(["/v1/resources"])
    return [(each["resource"], "online" if each["online"] else "offline") for each in found]


@_quiet
def services(ctx: Any, _param: Any) -> Names:
    """The services of the resource that was named before."""
    chosen = ctx.params.get("resource")
    found = [each for each in _fetch(["/v1/resources"]) if each["resource"] == chosen]
    rows = [each for one in found for each in one["services"]]
    return [(each["service"], _interface(each)) for each in rows]


def _interface(service: dict[str, Any]) -> str:
    """Which interface a service is, where its name does not say so."""
    return "" if service["interface"] == service["service"] else service["interface"]


def sessions(*states: str) -> Complete:
    """Completes captures in one of `states`, or all, newest first."""

    @_quiet
    def complete(ctx: Any, param: Any) -> Names:
        queries: list[dict[str, Any]] = [{"state": state} for state in states] or [{}]
        paths = [f"/v1/captures?{urlencode({**query, 'limit': _MOST})}" for query in queries]
        named = ctx.params.get(param.name) or ()
        found = [each for each in _fetch(paths) if each["session"] not in named]
        return [(each["session"], each["state"]) for each in found]

    return complete


@_quiet
def keys(_ctx: Any, _param: Any) -> Names:
    """API keys by name."""
    return [(each["name"], each["role"]) for each in _fetch([f"/v1/keys?limit={_MOST}"])]


def _fetch(paths: Sequence[str]) -> Rows:
    """What the lists at `paths` hold."""
    said = os.environ.get
    folder = Path(said("CAPFLOW_DATA") or "~/.local/share/capflow").expanduser()
    where = urlsplit(
        address(
            said("CAPFLOW_URL"),
            folder,
            host=said("CAPFLOW_HOST", "127.0.0.1"),
            port=int(said("CAPFLOW_GATEWAY_PORT", "8080")),
        )
    )
    kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
    connection = kind(where.hostname or "", where.port, timeout=PATIENCE)
    key = secret(said("CAPFLOW_KEY"), folder, url=said("CAPFLOW_URL"))
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    rows: Rows = []
    for path in paths:
        connection.request("GET", where.path + path, headers=headers)
        rows += json.loads(connection.getresponse().read())["items"]
    connection.close()
    return rows
