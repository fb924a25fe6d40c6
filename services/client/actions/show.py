"""What `capflow show` does."""

import base64

import click

from contracts.dissection import PacketDetails
from contracts.task import Capture
from services.client.api import Gateway
from services.client.ledger_text import end_line, ledger_lines, spool_lines
from services.client.output import json_line, moment, size
from services.client.packet_lines import clock
from services.runtime.escaping import escape

_BYTES_A_LINE = 16


async def run(gateway: Gateway, session: str, packet: int | None, as_json: bool) -> None:
    """Show a capture, or one of its packets."""
    found: Capture | PacketDetails
    if packet is None:
        found = await gateway.capture(session)
        lines = capture_lines(found)
    else:
        found = await gateway.packet(session, packet)
        lines = packet_lines(found)
    if as_json:
        json_line(found)
        return
    for line in lines:
        click.echo(escape(line))


def capture_lines(capture: Capture) -> list[str]:
    """Everything known of a capture."""
    limits = capture.limits
    packets = f", {limits.packets} packets" if limits.packets else ""
    facts = {
        "session": capture.session,
        "task": str(capture.task_id),
        "state": end_line(capture),
        "asked for": f"{moment(capture.requested_at)} by {capture.requested_by}",
        "ran": f"{moment(capture.started_at)} to {moment(capture.stopped_at)}",
        "interface": capture.interface or "-",
        "filter": capture.filter_in_force or "-",
        "snaplen": str(capture.snaplen_in_force or "-"),
        "limits": f"{limits.seconds} s, {size(limits.bytes)}{packets}",
        "ends unwatched": "no (keep)" if capture.keep else f"after {capture.idle_seconds} s",
        "endpoint": f"{capture.endpoint.name} ({capture.endpoint.type})",
        "sha256": capture.sha256 or "- (known once it was exported whole)",
    }
    width = max(map(len, facts))
    lines = [f"{name:<{width}}  {value}" for name, value in facts.items()]
    counts = {"ledger": ledger_lines(capture.ledger), "spool": spool_lines(capture)}
    told = [f"{name:<{width}}  {line}" for name, each in counts.items() for line in each]
    return [*lines, *told]


def packet_lines(packet: PacketDetails) -> list[str]:
    """Every layer and field of a packet, and its bytes."""
    what = packet.summary
    lines = [
        f"packet {packet.number}  {clock(packet.time)}  {what.source} > {what.destination}"
        f"  {what.protocol}  {packet.length} bytes on the wire, {packet.captured} captured"
    ]
    for layer in packet.layers:
        lines += ["", layer.name]
        width = max([len(field.name) for field in layer.fields], default=0)
        lines += [f"  {field.name:<{width}}  {field.shown}" for field in layer.fields]
    if packet.note:
        lines += ["", packet.note]
    return [*lines, "", *_hex_lines(base64.b64decode(packet.data))]


def _hex_lines(data: bytes) -> list[str]:
    """As `tcpdump -XX` shows them."""
    lines = []
    for at in range(0, len(data), _BYTES_A_LINE):
        row = data[at : at + _BYTES_A_LINE]
        pairs = " ".join(row[i : i + 2].hex() for i in range(0, len(row), 2))
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        lines.append(f"  0x{at:04x}:  {pairs:<39}  {text}")
    return lines
