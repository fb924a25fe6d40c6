"""The spool of an agent: `<data>/agent/spool/<session>/NNNN.pcapng`.

What is there and is not ours, a symbolic link or a file of another name, is left alone, and told.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from contracts.names import SESSION_PATTERN
from contracts.order import Order
from services.agent.spool.privacy import is_own_file, is_own_folder, make_private
from services.agent.spool.record import MAX_HEAD, file_head, order_in
from services.agent.spool.room import Room
from services.agent.spool.shelf import Shelf
from services.runtime.errors import BadSetting
from services.runtime.logs import get

_SESSION = re.compile(SESSION_PATTERN)
_FILE = re.compile(r"[0-9]{4,}\.pcapng")
_THREADS = 4
"""Of the disk's own, so that a disk that hangs holds up nothing else."""

T = TypeVar("T")


class SpoolFolder:
    """Makes and finds the shelves of captures."""

    def __init__(self, folder: Path, limit: int) -> None:
        self.room = Room(limit)
        self.foreign = 0
        """Files and links found at the start that are not ours."""
        self._folder = folder
        self._threads = ThreadPoolExecutor(_THREADS, "capflow-spool")
        self._log = get("agent")

    def prepare(self) -> None:
        """Make the folder private. Raises BadSetting where it cannot be used."""
        try:
            make_private(self._folder)
        except OSError as error:
            raise BadSetting(
                f"CAPFLOW_DATA: cannot use {self._folder}: {error.strerror}; "
                "make it a folder of this user's own"
            ) from None

    def shelf(self, order: Order, linktype: int, interface: str) -> Shelf | None:
        """A new capture's shelf; none where the spool is switched off."""
        if not self.room.limit:
            return None
        head = file_head(order, linktype, interface)
        return Shelf(order, self._folder / order.session, self.room, head)

    def left(self, orders: Mapping[str, Order]) -> list[Shelf]:
        """What an earlier start has left, where `orders` are known by their sessions; of another,
        the order is in its files. Not on the event loop."""
        shelves: list[Shelf] = []
        for folder in sorted(self._folder.iterdir()):
            if not is_own_folder(folder) or not _SESSION.fullmatch(folder.name):
                self._ignore(folder, "it is no capture's folder")
                continue
            try:
                shelf = self._found(folder, orders.get(folder.name))
            except OSError as error:
                self._ignore(folder, f"it cannot be used: {error.strerror}")
            else:
                shelves += [shelf] if shelf else []
        return shelves

    async def call(self, call: Callable[..., T], *arguments: object) -> T:
        """Run what works on the disk in a thread of the spool's own."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: call(*arguments))

    def close(self) -> None:
        """Begin nothing more."""
        self._threads.shutdown(wait=False)

    def _found(self, folder: Path, order: Order | None) -> Shelf | None:
        make_private(folder)
        files = self._files(folder)
        order = order or next(filter(None, map(_order_of, files)), None)
        if order is None or order.session != folder.name:
            if files:
                self._ignore(folder, "nobody knows which capture's it is")
            return None
        shelf = Shelf(order, folder, self.room)
        for path in files:
            try:
                shelf.take_over(path)
            except OSError as error:
                self._ignore(path, f"it cannot be read: {error.strerror}")
        return shelf if shelf.bytes else None

    def _files(self, folder: Path) -> list[Path]:
        files = []
        for path in folder.iterdir():
            if is_own_file(path) and _FILE.fullmatch(path.name):
                files.append(path)
            else:
                self._ignore(path, "it is no file of the spool")
        return sorted(files, key=lambda path: int(path.stem))

    def _ignore(self, path: Path, why: str) -> None:
        self.foreign += 1
        self._log.warning("ignored in the spool", path=str(path), why=why)


def _order_of(path: Path) -> Order | None:
    try:
        with path.open("rb") as file:
            return order_in(file.read(MAX_HEAD))
    except OSError:
        return None
