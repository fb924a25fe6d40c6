"""What DNS records say (IANA, Domain Name System Parameters)."""

from socket import AF_INET6, inet_ntoa, inet_ntop

from services.packets.layers.dns_names import read_name
from services.packets.layers.summary import escaped

_A, _NS, _CNAME, _SOA, _PTR, _MX, _TXT, _AAAA, _SRV = 1, 2, 5, 6, 12, 15, 16, 28, 33
_NAMES = {
    _A: "A",
    _NS: "NS",
    _CNAME: "CNAME",
    _SOA: "SOA",
    _PTR: "PTR",
    13: "HINFO",
    _MX: "MX",
    _TXT: "TXT",
    _AAAA: "AAAA",
    _SRV: "SRV",
    35: "NAPTR",
    41: "OPT",
    43: "DS",
    46: "RRSIG",
    47: "NSEC",
    48: "DNSKEY",
    50: "NSEC3",
    64: "SVCB",
    65: "HTTPS",
    251: "IXFR",
    252: "AXFR",
    255: "ANY",
    257: "CAA",
}
_NAME_AT = {_NS: 0, _CNAME: 0, _SOA: 0, _PTR: 0, _MX: 2, _SRV: 6}
"""Where in a record's data the name that matters stands."""
_MAX_TXT = 60


def type_name(kind: int) -> str:
    """The record type's name, or `TYPEn` (RFC 3597)."""
    return _NAMES.get(kind) or f"TYPE{kind}"


def shown_data(data: bytes, start: int, at: int, stop: int, kind: int) -> str:
    """The data of a record, where it is short and can be read."""
    if kind == _A and stop - at == 4:
        return inet_ntoa(data[at:stop])
    if kind == _AAAA and stop - at == 16:
        return inet_ntop(AF_INET6, data[at:stop])
    if kind in _NAME_AT:
        return read_name(data, start, at + _NAME_AT[kind], stop)[0]
    return escaped(data[at + 1 : stop], _MAX_TXT) if kind == _TXT else ""
