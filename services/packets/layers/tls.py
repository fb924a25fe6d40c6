"""TLS records and handshakes (RFC 8446), and the server name a client asks for (RFC 6066)."""

from services.packets.layers.summary import escaped

MAX_RECORDS = 8
MAX_EXTENSIONS = 64
MAX_RECORD_SIZE = (1 << 14) + 2048
"""What a record may take with the expansion of TLS 1.2 (RFC 5246 section 6.2.3)."""

_CHANGE_CIPHER, _ALERT, _HANDSHAKE, _APPLICATION = 20, 21, 22, 23
FIRST_BYTES = frozenset((_CHANGE_CIPHER, _ALERT, _HANDSHAKE, _APPLICATION))
_RECORD_NAMES = {
    _CHANGE_CIPHER: "Change Cipher Spec",
    _ALERT: "Alert",
    _APPLICATION: "Application Data",
}
_CLIENT_HELLO = 1
_HANDSHAKE_NAMES = {
    0: "Hello Request",
    _CLIENT_HELLO: "Client Hello",
    2: "Server Hello",
    4: "New Session Ticket",
    5: "End of Early Data",
    8: "Encrypted Extensions",
    11: "Certificate",
    12: "Server Key Exchange",
    13: "Certificate Request",
    14: "Server Hello Done",
    15: "Certificate Verify",
    16: "Client Key Exchange",
    20: "Finished",
    22: "Certificate Status",
    24: "Key Update",
}
_SERVER_NAME = 0
_HELLO_FIXED = 4 + 2 + 32
"""Handshake header, version and random value of a Client Hello."""


def tls(data: bytes, at: int, stop: int) -> str | None:
    """The records of a segment, at most eight; None where it does not begin with one."""
    if not _is_record(data, at, stop):
        return None
    names: list[str] = []
    for _ in range(MAX_RECORDS):
        if not _is_record(data, at, stop):
            break
        body, at = at + 5, at + 5 + ((data[at + 3] << 8) | data[at + 4])
        kind = data[body - 5]
        if kind == _HANDSHAKE:
            _add_handshakes(data, body, at, stop, names)
        else:
            names.append(_RECORD_NAMES[kind])
    return ", ".join(names)


def _is_record(data: bytes, at: int, stop: int) -> bool:
    return (
        stop - at >= 5
        and data[at] in FIRST_BYTES
        and data[at + 1] == 3
        and data[at + 2] <= 4
        and (data[at + 3] << 8 | data[at + 4]) <= MAX_RECORD_SIZE
    )


def _add_handshakes(data: bytes, at: int, end: int, stop: int, names: list[str]) -> None:
    """Name the messages of a handshake record; what says it is longer than that is encrypted."""
    while at + 4 <= stop and at < end and len(names) < MAX_RECORDS:
        size = int.from_bytes(data[at + 1 : at + 4])
        name = _HANDSHAKE_NAMES.get(data[at])
        if name is None or at + 4 + size > end:
            names.append("Encrypted Handshake Message")
            return
        if data[at] == _CLIENT_HELLO:
            server = _server_name(data, at, min(at + 4 + size, stop))
            name = f"{name} (SNI={server})" if server else name
        names.append(name)
        at += 4 + size
    if not names:
        names.append("Handshake")


def _server_name(data: bytes, at: int, stop: int) -> str:
    """The server name in a Client Hello, or nothing."""
    extensions = _extensions_at(data, at + _HELLO_FIXED, stop)
    for _ in range(MAX_EXTENSIONS):
        if stop - extensions < 4:
            break
        kind = (data[extensions] << 8) | data[extensions + 1]
        size = (data[extensions + 2] << 8) | data[extensions + 3]
        if kind == _SERVER_NAME:  # list length, type of name, its length: then the name
            return escaped(data[extensions + 9 : min(extensions + 4 + size, stop)])
        extensions += 4 + size
    return ""


def _extensions_at(data: bytes, at: int, stop: int) -> int:
    """Where the first extension begins: after session id, cipher suites and compressions."""
    for width in (1, 2, 1):
        if stop - at < width:
            return stop
        at += width + int.from_bytes(data[at : at + width])
    return at + 2
