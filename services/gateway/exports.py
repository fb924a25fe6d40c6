"""Captures as files, for who asks for one."""

from contracts.task import Capture
from services.gateway.digests import Digests, digest_header
from services.gateway.export import StoredBlocks, pcapng_file
from services.gateway.following import Following
from services.gateway.live import live_file
from services.gateway.metrics import Metrics
from services.gateway.streaming import Slots, SlottedResponse
from services.packets.endpoints.port import PacketStore

MEDIA_TYPE = "application/x-pcapng"
_MOST_STORED = 32
_MOST_LIVE = 64


class Exports:
    """Makes the responses that send files."""

    def __init__(self, records: PacketStore, following: Following, metrics: Metrics) -> None:
        self._records = records
        self._following = following
        self._digests = Digests(records, metrics)
        self._stored = Slots("export", _MOST_STORED, metrics)
        self._live = Slots("live", _MOST_LIVE, metrics)

    async def response(self, capture: Capture, store: PacketStore, live: bool) -> SlottedResponse:
        """The response that sends a capture's file; a `live` one goes on until the capture ends.

        Raises Refused, and StoreUnavailable while an error can still be told."""
        await store.read_blocks(capture.session, 0, limit=1)
        headers = file_headers(capture)
        if live and not capture.state.ended:
            body = live_file(
                capture, self._following, store, self._records, self._digests, self._live
            )
            return SlottedResponse(body, self._live, MEDIA_TYPE, headers)
        body = pcapng_file(StoredBlocks(capture, store), self._digests, self._stored)
        return SlottedResponse(body, self._stored, MEDIA_TYPE, headers)


def file_headers(capture: Capture) -> dict[str, str]:
    """What is said of a capture's file before it is sent."""
    name = f'attachment; filename="{capture.session}.pcapng"'
    return {"Content-Disposition": name, **digest_header(capture)}
