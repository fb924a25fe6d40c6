"""What a transport header that was cut off still says: its ports."""

from services.packets.layers.summary import Summary, truncated

_PORTS_SIZE = 4


def cut_off(
    protocol: str, needed: int, data: bytes, at: int, stop: int, source: str, destination: str
) -> Summary:
    """A header of `needed` bytes, of which those from `at` to `stop` were captured."""
    if stop - at >= _PORTS_SIZE:
        sport, dport = (data[at] << 8) | data[at + 1], (data[at + 2] << 8) | data[at + 3]
        source, destination = f"{source}:{sport}", f"{destination}:{dport}"
    else:
        source, destination = source.strip("[]"), destination.strip("[]")
    return truncated(protocol, stop - at, needed, source, destination)
