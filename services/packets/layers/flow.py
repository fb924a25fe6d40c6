"""The JSON of ordinary packets, fast: TCP and UDP over IPv4 over Ethernet.

What all packets of a flow have in common, addresses and ports, is made into text once. It says the
same as the decoders of the layers, to which everything else is left: short or wrong headers,
fragments, options, tunnels, and what a payload may tell.
"""

from functools import lru_cache
from socket import inet_ntoa
from struct import Struct

from services.packets.layers.dns import DNS_PORT, UDP_PORTS
from services.packets.layers.tcp import ACK, FLAGS, GUESSES

_FLOWS = 4096
"""Flows remembered; the one not seen for longest goes."""

# EtherType, version and header length, total length, fragment, protocol, addresses and ports.
_HEAD = Struct(">12xHBxHxxHxBxx12s")
_PORTS = Struct(">4s4sHH")
_UDP_LENGTH = Struct(">H")
_TCP_REST = Struct(">IIHH")

_ETHERTYPE, _VERSION_AND_LENGTH, _FRAGMENT_OFFSET = 0x0800, 0x45, 0x1FFF
_TCP, _UDP = 6, 17
_NETWORK, _UPPER = 14, 34
"""Where in the packet the header of IPv4 begins, and the one behind it."""
_UDP_SIZE, _TCP_SIZE = 8, 20


def ordinary(data: bytes, at: int, captured: int) -> bytes | None:
    """Source, destination, protocol and info as the inside of a JSON object.

    Of the packet whose `captured` bytes begin at `at`; None where it is not an ordinary one.
    """
    if captured < _UPPER + _UDP_SIZE:
        return None
    ethertype, first, total, fragment, protocol, flow = _HEAD.unpack_from(data, at)
    if ethertype != _ETHERTYPE or first != _VERSION_AND_LENGTH or fragment & _FRAGMENT_OFFSET:
        return None
    if protocol == _UDP and total >= _UPPER - _NETWORK + _UDP_SIZE:
        return _udp(data, at + _UPPER, flow)
    if protocol == _TCP and total >= _UPPER - _NETWORK + _TCP_SIZE:
        return _tcp(data, at, min(captured, _NETWORK + total), _NETWORK + total, flow)
    return None


def _udp(data: bytes, at: int, flow: bytes) -> bytes | None:
    (length,) = _UDP_LENGTH.unpack_from(data, at + 4)
    told = _told(flow, _UDP)
    if told is None or length < _UDP_SIZE:
        return None
    return b'%b Len=%d"' % (told, length - _UDP_SIZE)


def _tcp(data: bytes, at: int, stop: int, end: int, flow: bytes) -> bytes | None:
    """The segment of a packet that ends at `end`, of which the bytes before `stop` are there."""
    told = _told(flow, _TCP)
    if told is None or stop < _UPPER + _TCP_SIZE:
        return None
    sequence, acknowledged, bits, window = _TCP_REST.unpack_from(data, at + _UPPER + 4)
    payload = _UPPER + ((bits >> 12) << 2)
    if payload < _UPPER + _TCP_SIZE or (payload < stop and data[at + payload] in GUESSES):
        return None
    ack = b" Ack=%d" % acknowledged if bits & ACK else b""
    return b'%b [%b] Seq=%d%b Win=%d Len=%d"' % (
        told, _FLAGS[bits & 0x1FF], sequence, ack, window, max(end - payload, 0),
    )  # fmt: skip


@lru_cache(maxsize=_FLOWS)
def _told(flow: bytes, protocol: int) -> bytes | None:
    """What is told of every packet of a flow; None where the decoders look into its payload."""
    sender, receiver, sport, dport = _PORTS.unpack(flow)
    looked_into = UDP_PORTS if protocol == _UDP else (DNS_PORT,)
    if sport in looked_into or dport in looked_into:
        return None
    name = "UDP" if protocol == _UDP else "TCP"
    return (
        f'"source":"{inet_ntoa(sender)}:{sport}","destination":"{inet_ntoa(receiver)}:{dport}",'
        f'"protocol":"{name}","info":"{sport} → {dport}'
    ).encode()


_FLAGS = [name.encode() for name in FLAGS]
