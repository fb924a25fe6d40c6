"""ARP for IPv4 over Ethernet (RFC 826)."""

from socket import inet_ntoa
from struct import Struct

from services.packets.layers.summary import Summary, mac, truncated

_FIXED = Struct(">HHBBH")
_ADDRESSES = Struct(">6s4s6s4s")
_WHOLE = _FIXED.size + _ADDRESSES.size
_IPV4 = 0x0800
_REQUEST, _REPLY = 1, 2
_OPERATIONS = {3: "RARP request", 4: "RARP reply", 8: "InARP request", 9: "InARP reply"}


def arp(data: bytes, at: int) -> Summary:
    """An ARP packet; source and destination are left to the link layer."""
    if len(data) - at < _FIXED.size:
        return truncated("ARP", len(data) - at, _FIXED.size)
    _, protocol, hardware_size, protocol_size, operation = _FIXED.unpack_from(data, at)
    if (protocol, hardware_size, protocol_size) != (_IPV4, 6, 4):
        return Summary("", "", "ARP", f"Operation {operation} for protocol 0x{protocol:04x}")
    if len(data) - at < _WHOLE:
        return truncated("ARP", len(data) - at, _WHOLE)
    sender_mac, sender, _, target = _ADDRESSES.unpack_from(data, at + _FIXED.size)
    return Summary("", "", "ARP", _info(operation, mac(sender_mac), sender, target))


def _info(operation: int, sender_mac: str, sender: bytes, target: bytes) -> str:
    if sender == target and operation in (_REQUEST, _REPLY):
        return f"Gratuitous ARP for {inet_ntoa(sender)} is at {sender_mac}"
    if operation == _REQUEST:
        return f"Who has {inet_ntoa(target)}? Tell {inet_ntoa(sender)}"
    if operation == _REPLY:
        return f"{inet_ntoa(sender)} is at {sender_mac}"
    return _OPERATIONS.get(operation) or f"Operation {operation}"
