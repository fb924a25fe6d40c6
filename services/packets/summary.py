"""A line about a packet: who to whom, which protocol, what it says."""

from collections.abc import Callable

from services.packets import linktypes
from services.packets.layers.cooked import linux_sll, linux_sll2
from services.packets.layers.link import ethernet, null, raw_ip
from services.packets.layers.summary import Summary
from services.packets.layers.wifi import prism, radiotap, wifi

__all__ = ["Summary", "decoder_of", "summarise"]

Decoder = Callable[[bytes], Summary]

_DECODERS: dict[int, Decoder] = {
    linktypes.ETHERNET: ethernet,
    linktypes.NULL: null,
    linktypes.LOOP: null,
    linktypes.RAW: raw_ip,
    linktypes.RAW_BSD: raw_ip,
    linktypes.IPV4: raw_ip,
    linktypes.IPV6: raw_ip,
    linktypes.LINUX_SLL: linux_sll,
    linktypes.LINUX_SLL2: linux_sll2,
    linktypes.IEEE802_11: wifi,
    linktypes.IEEE802_11_PRISM: prism,
    linktypes.IEEE802_11_RADIOTAP: radiotap,
}


def decoder_of(linktype: int) -> Decoder:
    """What summarises packets of a link type; for many packets, ask once."""
    return _DECODERS.get(linktype) or _unknown(linktype)


def summarise(data: bytes, linktype: int) -> Summary:
    """The summary of the captured bytes of a packet. Never raises: of a truncated or malformed
    packet it says what could be read. Text from packets is escaped and bounded."""
    return decoder_of(linktype)(data)


def _unknown(linktype: int) -> Decoder:
    name = linktypes.name_of(linktype)
    return lambda data: Summary("", "", name, f"{len(data)} bytes")
