"""What a capture must leave out so as not to capture its own upload.

One filter an address and port, each compiled alone, so that none is too long and no user's filter
can change what it means.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Peer:
    """A TCP port that our own traffic comes from or goes to."""

    addresses: frozenset[str]
    """IP addresses; none: whatever the address is."""
    port: int


def exclusions(peers: Iterable[Peer]) -> list[str]:
    """The filters, in pcap-filter syntax, that let everything but the peers' traffic through."""
    texts = {text for peer in peers for text in _of(peer)}
    return sorted(texts)


def _of(peer: Peer) -> list[str]:
    port = peer.port
    if not peer.addresses:
        return [f"not tcp port {port}"]
    return [
        f"not (tcp and ((src host {address} and src port {port}) "
        f"or (dst host {address} and dst port {port})))"
        for address in peer.addresses
    ]
