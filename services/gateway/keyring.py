"""API keys: kept hashed, with a name and a role, in a file that only its owner reads."""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from contracts.model import Instant, Message
from contracts.names import Name
from contracts.rest import Role
from services.gateway.roles import Caller
from services.runtime import logs
from services.runtime.errors import BadSetting
from services.runtime.secretfile import private_folder, replace

ADMIN = "admin"
"""The name under which the admin key of the settings acts."""

_MOST_KEYS = 1000
_LOOK_AGAIN = 1.0


class NameTaken(Exception):
    """A key of this name exists."""


class KeysFull(Exception):
    """There are as many keys as may be kept."""


class KeyRecord(Message):
    """A key as it is kept: its hash, never itself."""

    name: Name
    role: Role
    sha256: str
    """Of the key, hexadecimal. Keys are 256 random bits, so a plain hash cannot be searched."""
    created_at: Instant


_RECORDS = TypeAdapter(list[KeyRecord])


def new_key() -> str:
    """A fresh key of 256 random bits; the prefix lets secret scanners know one."""
    return "cfk_" + secrets.token_urlsafe(32)


class Keyring:
    """The keys of one data folder, and the admin key of the settings."""

    def __init__(self, path: Path, admin_key: str) -> None:
        self._path = path
        self._admin = KeyRecord(
            name=ADMIN, role=Role.ADMIN, sha256=_hash(admin_key), created_at=datetime.now(UTC)
        )
        self._records: list[KeyRecord] = []
        self._version: tuple[int, int] | None = None
        self._writing = asyncio.Lock()
        self._log = logs.get("gateway")

    @property
    def records(self) -> Sequence[KeyRecord]:
        """The keys that can be managed, by name; the admin key is the settings' own."""
        return sorted(self._records, key=lambda record: record.name)

    def caller(self, key: str) -> Caller | None:
        """Whose key it is. Compares with every key and always to the end, in constant time."""
        digest = _hash(key)
        found = None
        for record in (self._admin, *self._records):
            if hmac.compare_digest(record.sha256, digest):
                found = Caller(record.name, record.role)
        return found

    async def add(self, name: str, role: Role) -> tuple[KeyRecord, str]:
        """Make a key; it is told here and never again. Raises NameTaken or KeysFull."""
        async with self._writing:
            await asyncio.to_thread(self.load)
            if name in {ADMIN, *(record.name for record in self._records)}:
                raise NameTaken(name)
            if len(self._records) >= _MOST_KEYS:
                raise KeysFull(f"{_MOST_KEYS} keys are kept at most")
            key = new_key()
            now = datetime.now(UTC)
            record = KeyRecord(name=name, role=role, sha256=_hash(key), created_at=now)
            await asyncio.to_thread(self._save, [*self._records, record])
            return record, key

    async def remove(self, name: str) -> bool:
        """Remove a key; whether it was there."""
        async with self._writing:
            await asyncio.to_thread(self.load)
            kept = [record for record in self._records if record.name != name]
            removed = len(kept) < len(self._records)
            if removed:
                await asyncio.to_thread(self._save, kept)
            return removed

    async def watch(self) -> None:
        """Take up what other gateways on this data folder change. Runs until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_AGAIN)
            try:
                await asyncio.to_thread(self.load)
            except BadSetting as error:
                self._log.error(
                    "the keys file cannot be read; the keys stay as they were", reason=str(error)
                )

    def load(self) -> None:
        """Read the file where it has changed. Raises BadSetting where it is damaged."""
        try:
            state = self._path.stat()
        except FileNotFoundError:
            self._records, self._version = [], None
            return
        version = (state.st_mtime_ns, state.st_ino)
        if version != self._version:
            self._records = _read(self._path)
            self._version = version

    def _save(self, records: list[KeyRecord]) -> None:
        private_folder(self._path.parent)
        replace(self._path, _RECORDS.dump_json(records, indent=1).decode())
        self.load()


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _read(path: Path) -> list[KeyRecord]:
    try:
        return _RECORDS.validate_json(path.read_bytes())
    except (ValidationError, OSError) as error:
        kind = type(error).__name__
        raise BadSetting(f"{path} is no readable keys file ({kind}): mend or remove it") from None
