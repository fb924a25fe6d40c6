"""This host: versions, libpcap, and the right to capture."""

import platform
import socket
from importlib.metadata import version

from services.agent.interfaces import interfaces_up
from services.agent.services import DEMO
from services.packets.libpcap import LibpcapMissing, libpcap_version
from services.standalone.examining.finding import Finding, fail, note, ok, warn
from services.standalone.welcome import may_capture


def examine() -> list[Finding]:
    """What can be said without asking anybody."""
    return [_versions(), _libpcap(), _right(), _interfaces()]


def _versions() -> Finding:
    python, system = platform.python_version(), f"{platform.system()} {platform.release()}"
    return ok("capflow", f"{version('capflow')}, Python {python}, {system}")


def _libpcap() -> Finding:
    try:
        return ok("libpcap", libpcap_version())
    except LibpcapMissing as error:
        return fail("libpcap", str(error), "without it neither agent nor gateway takes a filter")


def _right() -> Finding:
    if not hasattr(socket, "AF_PACKET"):
        return warn(
            "capture",
            "this system has no AF_PACKET: Scapy captures, slowly",
            "run the agent on Linux where packets are many",
        )
    if may_capture():
        return ok("capture", "AF_PACKET, with the right to use it (CAP_NET_RAW)")
    return warn(
        "capture",
        f"no right to capture (CAP_NET_RAW): only the service `{DEMO}` works here",
        "run the agent as root, by `make run`, which takes the capability alone, or as the"
        " systemd unit in deploy/systemd; a host that only asks needs none of it",
    )


def _interfaces() -> Finding:
    found = interfaces_up()
    if not found:
        return note("interfaces", "none is up")
    return ok("interfaces", f"up: {', '.join(found)}")
