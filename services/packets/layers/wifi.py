"""802.11 frames (IEEE 802.11 section 9), bare or behind a radiotap or Prism header."""

from services.packets.layers.network import llc
from services.packets.layers.summary import Summary, escaped, mac, truncated

_MANAGEMENT, _CONTROL, _DATA = 0, 1, 2
_HEADER_SIZE = 24
_MANAGEMENT_NAMES = {
    0: "Association Request",
    1: "Association Response",
    2: "Reassociation Request",
    3: "Reassociation Response",
    4: "Probe Request",
    5: "Probe Response",
    8: "Beacon frame",
    10: "Disassociate",
    11: "Authentication",
    12: "Deauthentication",
    13: "Action",
}
_CONTROL_NAMES = {
    8: "Block Ack Request",
    9: "Block Ack",
    10: "PS-Poll",
    11: "Request-to-send",
    12: "Clear-to-send",
    13: "Acknowledgement",
}
_SSID_AT = {0: 4, 2: 10, 4: 0, 5: 12, 8: 12}
"""Where the elements begin in the body of frames that name a network."""
_TO_AND_FROM_DS, _PROTECTED, _ORDER = 0x03, 0x40, 0x80
_QOS, _NO_DATA = 0x08, 0x04
_PRISM_SIZE = 144


def wifi(data: bytes, at: int = 0) -> Summary:
    """An 802.11 frame: its kind and addresses, and IP where it is not encrypted."""
    if len(data) - at < 10:
        return truncated("802.11", len(data) - at, 10)
    kind, subtype, flags = data[at] >> 2 & 3, data[at] >> 4, data[at + 1]
    receiver = mac(data[at + 4 : at + 10])
    sender = mac(data[at + 10 : at + 16]) if len(data) - at >= 16 else ""
    if kind == _MANAGEMENT:
        return Summary(sender, receiver, "802.11", _management(data, at, subtype))
    if kind == _CONTROL:
        name = _CONTROL_NAMES.get(subtype) or f"Control frame {subtype}"
        return Summary("" if subtype in (12, 13) else sender, receiver, "802.11", name)
    if kind == _DATA:
        return _data(data, at, subtype, flags, sender, receiver)
    return Summary(sender, receiver, "802.11", f"Frame of type {kind}.{subtype}")


def radiotap(data: bytes) -> Summary:
    """A frame behind a radiotap header, which says its own length, little-endian."""
    if len(data) < 8:
        return truncated("802.11 Radiotap", len(data), 8)
    return wifi(data, max(int.from_bytes(data[2:4], "little"), 8))


def prism(data: bytes) -> Summary:
    """A frame behind a Prism header."""
    return wifi(data, _PRISM_SIZE)


def _management(data: bytes, at: int, subtype: int) -> str:
    name = _MANAGEMENT_NAMES.get(subtype) or f"Management frame {subtype}"
    if subtype not in _SSID_AT:
        return name
    element = at + _HEADER_SIZE + _SSID_AT[subtype]
    if len(data) - element < 2 or data[element] != 0:
        return name
    return f'{name}, SSID="{escaped(data[element + 2 : element + 2 + min(data[element + 1], 32)])}"'


def _data(data: bytes, at: int, subtype: int, flags: int, sender: str, receiver: str) -> Summary:
    if subtype & _NO_DATA:
        return Summary(sender, receiver, "802.11", "Null function (no data)")
    if flags & _PROTECTED:
        return Summary(sender, receiver, "802.11", f"Data (encrypted) Len={len(data) - at}")
    size = _HEADER_SIZE + (6 if flags & _TO_AND_FROM_DS == _TO_AND_FROM_DS else 0)
    if subtype & _QOS:
        size += 6 if flags & _ORDER else 2
    inner = llc(data, at + size)
    return inner if inner[0] else inner._replace(source=sender, destination=receiver)
