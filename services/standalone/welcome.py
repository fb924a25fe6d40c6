"""What `capflow up` prints when everything runs."""

import socket

from services.agent.services import DEMO
from services.client.output import invocation


def may_capture() -> bool:
    """Whether this process may open a packet socket (CAP_NET_RAW, packet(7))."""
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except (PermissionError, AttributeError):
        return False
    return True


def welcome(address: str, key: str | None, resource: str, capture: bool) -> str:
    """Where the page is, and the commands to try."""
    page = f"{address}/" + (f"#key={key}" if key else "")
    service, capflow = ("lo" if capture else DEMO), invocation()
    lines = [
        f"Capflow runs: {page}",
        "",
        "Try, in another terminal:",
        f"  {capflow} start {resource} {service}",
        f"  {capflow} tail <session>                    (the name that start printed)",
        f"  {capflow} tail <session> -w - | tshark -i -",
        f"  {capflow} stop <session>",
    ]
    return "\n".join(lines if capture else [NO_RIGHT, "", *lines])


NO_RIGHT = f"""\
This process may not capture: that takes root, or the capability CAP_NET_RAW.
The service `{DEMO}`, which replays stored packets, works all the same."""
