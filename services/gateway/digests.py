"""SHA-256 of the files of ended captures: made with the first whole one, kept in the record."""

from base64 import b64encode

from contracts.task import Capture
from services.gateway.metrics import Metrics
from services.packets.endpoints.port import PacketStore
from services.runtime import logs
from services.runtime.errors import StoreUnavailable


class Digests:
    """Keeps digests, and notices where a file is no longer what it was."""

    def __init__(self, records: PacketStore, metrics: Metrics) -> None:
        self._records = records
        self._metrics = metrics

    async def keep(self, capture: Capture, sha256: str) -> None:
        """Keep the digest of a file made of `capture`, if its record still says the same.

        With the store away it is not kept: the next whole file brings it again.
        """
        if capture.sha256 is not None:
            self._compare(capture, sha256)
            return
        try:
            known = capture.model_copy(update={"sha256": sha256})
            await self._records.update_session(known, unless_ended=False, instead_of=capture)
        except StoreUnavailable as error:
            logs.get("gateway").warning("a digest was not kept", reason=str(error))

    def _compare(self, capture: Capture, sha256: str) -> None:
        if capture.sha256 != sha256:
            self._metrics.digests_differ.inc()
            logs.get("gateway").error(
                "a file is not what it was when it was first sent",
                session=capture.session,
                was=capture.sha256,
                now=sha256,
            )


def digest_header(capture: Capture) -> dict[str, str]:
    """`Repr-Digest` (RFC 9530), where the file's digest is known."""
    if capture.sha256 is None:
        return {}
    encoded = b64encode(bytes.fromhex(capture.sha256)).decode()
    return {"Repr-Digest": f"sha-256=:{encoded}:"}
