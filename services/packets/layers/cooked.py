"""Linux cooked captures, as of the interface `any` (LINKTYPE_LINUX_SLL and _SLL2)."""

from struct import Struct

from services.packets.layers.network import network
from services.packets.layers.summary import Summary, mac, truncated

# Packet type, interface type, address length, address, protocol.
_SLL = Struct(">HHH8sH")
# Protocol, reserved, interface index, interface type, packet type, address length, address.
_SLL2 = Struct(">HHIHBB8s")
_NOT_ETHERTYPES = {824: "Netlink", 280: "CAN"}
"""Interface types (ARPHRD_) whose protocol field means something else."""


def linux_sll(data: bytes) -> Summary:
    """A packet behind a cooked header of 16 bytes."""
    if len(data) < _SLL.size:
        return truncated("Linux cooked", len(data), _SLL.size)
    _, hardware, size, address, protocol = _SLL.unpack_from(data)
    return _carried(data, _SLL.size, hardware, address[: min(size, 8)], protocol)


def linux_sll2(data: bytes) -> Summary:
    """A packet behind a cooked header of 20 bytes."""
    if len(data) < _SLL2.size:
        return truncated("Linux cooked v2", len(data), _SLL2.size)
    protocol, _, _, hardware, _, size, address = _SLL2.unpack_from(data)
    return _carried(data, _SLL2.size, hardware, address[: min(size, 8)], protocol)


def _carried(data: bytes, at: int, hardware: int, address: bytes, protocol: int) -> Summary:
    if hardware in _NOT_ETHERTYPES:
        name = _NOT_ETHERTYPES[hardware]
        return Summary(mac(address), "", name, f"Protocol {protocol} Len={len(data) - at}")
    inner = network(data, at, protocol)
    return inner if inner[0] else inner._replace(source=mac(address))
