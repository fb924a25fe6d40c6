"""DNS messages (RFC 1035), and multicast DNS and LLMNR, which look the same."""

from struct import Struct

from services.packets.layers.dns_names import read_name
from services.packets.layers.dns_records import shown_data, type_name
from services.packets.layers.summary import MAX_TEXT

DNS_PORT = 53
UDP_PORTS = {DNS_PORT: "DNS", 5353: "MDNS", 5355: "LLMNR"}
MAX_QUESTIONS = 4
MAX_RECORDS = 8

_HEADER = Struct(">HHHHHH")
_QUESTION = Struct(">HH")
_RECORD = Struct(">HHIH")
_OPCODES = {
    0: "Standard query",
    1: "Inverse query",
    2: "Server status",
    4: "Zone change",
    5: "Dynamic update",
}
_FAILURES = {
    1: "Format error",
    2: "Server failure",
    3: "No such name",
    4: "Not implemented",
    5: "Refused",
}


def dns(data: bytes, at: int, stop: int) -> str | None:
    """What a message asks and answers, at most eight records of it; None where it is no DNS."""
    if stop - at < _HEADER.size:
        return None
    identifier, flags, questions, answers, _, _ = _HEADER.unpack_from(data, at)
    opcode = _OPCODES.get(flags >> 11 & 15)
    if opcode is None:
        return None
    words = [f"{opcode}{' response' if flags >> 15 else ''} 0x{identifier:04x}"]
    failure = flags & 15
    if flags >> 15 and failure:
        words.append(_FAILURES.get(failure) or f"Error {failure}")
    _read(data, at, stop, min(questions, MAX_QUESTIONS), min(answers, MAX_RECORDS), words)
    info = " ".join(words)
    return info if len(info) <= 2 * MAX_TEXT else info[: 2 * MAX_TEXT] + "…"


def _read(
    data: bytes, start: int, stop: int, questions: int, answers: int, words: list[str]
) -> None:
    """Add what the questions and answers say to `words`, as far as they can be read."""
    at = start + _HEADER.size
    for _ in range(questions):
        name, at = read_name(data, start, at, stop)
        if stop - at < _QUESTION.size:
            words.append(f"{name} [Truncated]")
            return
        words.append(f"{type_name(_QUESTION.unpack_from(data, at)[0])} {name}")
        at += _QUESTION.size
    for _ in range(answers):
        _, at = read_name(data, start, at, stop)
        if stop - at < _RECORD.size:
            words.append("[Truncated]")
            return
        kind, _, _, size = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        words.append(
            f"{type_name(kind)} {shown_data(data, start, at, min(at + size, stop), kind)}".rstrip()
        )
        at += size
