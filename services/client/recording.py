"""One capture from its start to its end, into a file."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, aclosing, suppress
from typing import BinaryIO

from contracts.rest import StartAnswer
from contracts.task import Capture
from services.client.api import Gateway
from services.client.errors import passes
from services.client.fetching import Fetch
from services.client.output import note, size
from services.client.progress import Progress
from services.client.starting import runs
from services.client.stopping import PATIENCE
from services.runtime.backoff import delays
from services.runtime.errors import CapflowError

Open = Callable[[], AbstractContextManager[BinaryIO]]
"""Opens the file, once there is something to write."""
_LOOK_EVERY = 1.0


class Recording:
    """Streams a capture that was started into a file until the capture ends, and ends it when told.

    What is streamed is the capture's live export: it goes on until the end and leaves nothing out,
    and while it is read the capture's viewer lease is renewed.
    """

    def __init__(self, gateway: Gateway, answer: StartAnswer, open_file: Open) -> None:
        self._gateway = gateway
        self._session = answer.session
        self._answer = answer
        self._open = open_file
        self._fetch = Fetch(gateway, answer.session, live=True)

    async def run(self, stop: asyncio.Event) -> Capture:
        """Stream until the capture ends; it is stopped once `stop` is set, or if anything fails.

        Gives the capture at its end. Raises NotRunning, and what a Fetch raises.
        """
        stopping = asyncio.create_task(self._stop_when(stop))
        try:
            await runs(self._gateway, self._answer)
            await self._stream()
        except BaseException as error:
            # That it is to stop may not have been told yet; a second Ctrl-C waits for nothing.
            if isinstance(error, Exception) or not stop.is_set():
                with suppress(CapflowError):
                    await self._gateway.stop(self._session)
            raise
        finally:
            stopping.cancel()
        capture = await self._gateway.capture(self._session)
        self._fetch.check(capture.sha256)
        return capture

    @property
    def size(self) -> int:
        """Bytes written."""
        return self._fetch.size

    async def _stream(self) -> None:
        with self._open() as out, Progress("recording") as progress:
            looking = asyncio.create_task(self._show(progress))
            try:
                async with aclosing(self._fetch.pieces()) as pieces:
                    async for piece in pieces:
                        out.write(piece)
                        out.flush()  # another program may read it as it grows
            finally:
                looking.cancel()

    async def _stop_when(self, stop: asyncio.Event) -> None:
        await stop.wait()
        for delay in delays():
            try:
                await self._gateway.stop(self._session)
                break
            except CapflowError as error:
                note(f"{self._session} cannot be stopped: {error}")
                if not passes(error):
                    return
            await asyncio.sleep(delay)
        await asyncio.sleep(PATIENCE)
        note(
            f"{self._session} has not ended after {PATIENCE:g} s: its agent may be away;"
            " waiting, and Ctrl-C again leaves the file as it is"
        )

    async def _show(self, progress: Progress) -> None:
        """Say once a second how it goes; the gateway may be away for a while."""
        while sys.stderr.isatty():
            text = f"{self._session}: {size(self._fetch.size)}"
            progress.reached(self._fetch.size, None, text)
            await asyncio.sleep(_LOOK_EVERY)
