"""A capture's file, fetched over as many connections as it takes."""

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from services.client.api import Gateway
from services.client.errors import ApiError, GatewayAway, NotWhole, passes
from services.client.output import note
from services.runtime.backoff import delays

PATIENCE = 60.0
"""Seconds for which a file may not grow while the gateway is away."""


class Fetch:
    """One file. The file of a capture has the same bytes however often it is made, so a lost
    connection is taken up by asking again and leaving out what has come: compared by its digest,
    so that nothing else can be put in its place."""

    def __init__(
        self, gateway: Gateway, session: str, live: bool, patience: float = PATIENCE
    ) -> None:
        self._gateway = gateway
        self._session = session
        self._live = live
        self._patience = patience
        self._made = hashlib.sha256()
        self._told: str | None = None
        self.size = 0
        """Bytes that have come."""

    @property
    def sha256(self) -> str:
        """Of what has come."""
        return self._made.hexdigest()

    async def pieces(self) -> AsyncGenerator[bytes]:
        """The file, to its end. Raises ApiError, GatewayAway, NotWhole."""
        moved, waits = time.monotonic(), delays()
        while True:
            try:
                async with self._gateway.pcapng(self._session, self._live) as download:
                    self._told = download.sha256
                    async with aclosing(self._new(download.pieces)) as pieces:
                        async for piece in pieces:
                            moved, waits = time.monotonic(), delays()
                            yield piece
                return
            except (GatewayAway, ApiError) as error:
                if not self._may_try_again(error, moved):
                    raise
                note(f"{error}; trying again, and going on at byte {self.size}")
            await asyncio.sleep(next(waits))

    def check(self, sha256: str | None) -> bool:
        """Whether the gateway has told what the whole file must be, with its headers or as
        `sha256`. Raises NotWhole where it is another."""
        known = {told for told in (self._told, sha256) if told is not None}
        for told in known - {self.sha256}:
            raise NotWhole(
                f"{self._session}: the SHA-256 of the file is {self.sha256},"
                f" and the gateway says {told}",
                "fetch it again; if it stays so, the packets in the store have changed",
            )
        return bool(known)

    async def _new(self, pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
        """What comes after the bytes that are here."""
        left, known = self.size, hashlib.sha256()
        async for piece in pieces:
            if left:
                known.update(piece[:left])
                new, left = piece[left:], max(0, left - len(piece))
                if not left and known.digest() != self._made.digest():
                    raise NotWhole(f"{self._session}: the file has changed while it was fetched")
            else:
                new = piece
            if new:
                self._made.update(new)
                self.size += len(new)
                yield new
        if left:
            raise NotWhole(f"{self._session}: the file has become shorter while it was fetched")

    def _may_try_again(self, error: GatewayAway | ApiError, moved: float) -> bool:
        going_on = self.size > 0 and time.monotonic() - moved < self._patience
        return going_on and passes(error)
