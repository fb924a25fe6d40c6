"""From the start of Wireshark to its stop: the same of the capture."""

import signal
from typing import Any

from .access import find_access
from .arguments import Arguments
from .calls import Gateway
from .errors import Away, PluginError, Refused
from .filters import chosen_filter
from .interfaces import why_nothing
from .naming import NOTHING, service_of
from .ordering import start_request
from .sending import send_file
from .stopping import Stopping

_TIMEOUT = 10.0
_PATIENCE = 30
"""Seconds after which a capture that does not run has failed."""


def capture(asked: Arguments, beside: str) -> int:
    """Capture into Wireshark's fifo until either ends; the exit status. Raises PluginError."""
    gateway = Gateway(find_access(beside), _TIMEOUT)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until there is something to stop
    with (
        open(asked.needed("fifo"), "wb", buffering=0) as fifo,
        Stopping(gateway, fifo.fileno()) as stopping,
    ):
        send_file(gateway, _session(asked, gateway, beside, stopping), fifo, stopping)
    return 0


def _session(asked: Arguments, gateway: Gateway, beside: str, stopping: Stopping) -> str:
    """The capture to show: a new one, which ends with Wireshark, or one that ran before."""
    interface = asked.needed("extcap-interface")
    if interface == NOTHING:
        raise PluginError(why_nothing(beside))
    body = start_request(asked, *service_of(interface), chosen_filter(asked, gateway))
    try:
        started = _start(gateway, body)
    except Refused as refused:
        stopping.spares()
        return _joined(asked, refused, body)
    session = str(started["session"])
    stopping.spares() if body["keep"] else stopping.ends(session)
    _check(gateway.call("GET", f"/v1/tasks/{started['task_id']}?wait={_PATIENCE}",
                        timeout=_TIMEOUT + _PATIENCE))  # fmt: skip
    return session


def _start(gateway: Gateway, body: dict[str, Any]) -> dict[str, Any]:
    """Start; once more where an answer was lost: with its task id it happens once."""
    try:
        return gateway.call("POST", "/v1/captures", body)
    except Away:
        return gateway.call("POST", "/v1/captures", body)


def _joined(asked: Arguments, refused: Refused, body: dict[str, Any]) -> str:
    session = str(refused.problem.get("session"))
    if refused.code != "already-running":
        raise refused
    if not asked.flag("join"):
        raise PluginError(
            f"{refused}. Turn on `Join a capture that runs already` in the interface's options"
            f" to watch it, or end it: capflow stop {session}"
        )
    if body["filter"] or "snaplen" in body:
        raise PluginError(
            f"{session} runs already, with a filter and a length of its own."
            " Leave out yours to join it, and use a display filter"
        )
    return session


def _check(task: dict[str, Any]) -> None:
    session, state = task["session"], task["state"]
    if state == "failed":
        why = (task.get("error") or {}).get("detail") or task.get("stop_reason")
        raise PluginError(f"{session} failed: {why}")
    if state == "requested":
        raise PluginError(f"{session} does not run after {_PATIENCE} s; its agent may be away")
