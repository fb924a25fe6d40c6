"""Who this agent is: an id made once, how often it has started, the revision it has accepted.

Kept in the agent's folder, which one process at a time may use.
"""

import os
from pathlib import Path
from typing import Self
from uuid import UUID, uuid4

from pydantic import ValidationError

from contracts.model import Message
from services.runtime.errors import BadSetting
from services.runtime.lockfile import hold
from services.runtime.logs import get
from services.runtime.secretfile import private_folder, replace

FILE = "identity.json"
LOCK = "lock"


class Identity(Message):
    """What is kept of an agent."""

    agent_id: UUID
    boot: int = 0
    revision: int = 0


class IdentityFile:
    """The identity on disk, and in memory once it has been opened."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock: int | None = None
        self.identity = Identity(agent_id=uuid4())

    def open(self) -> Self:
        """Take the folder for this process, and count this start.

        Raises BadSetting where another process has it or it cannot be used.
        """
        try:
            private_folder(self._folder)
            self._take_lock()
            stored = self._stored()
            self._keep(stored.model_copy(update={"boot": stored.boot + 1}))
        except OSError as error:
            raise BadSetting(
                f"CAPFLOW_DATA: cannot use {self._folder}: {error.strerror}; name another folder"
            ) from None
        return self

    def accept(self, revision: int) -> None:
        """Keep the revision that has been accepted: in memory, and on disk where that can be.

        An agent that comes back with a lower one is told the list anew, so a full disk is no
        reason to fail.
        """
        self.identity = self.identity.model_copy(update={"revision": revision})
        try:
            self._keep(self.identity)
        except OSError as error:
            get("agent").error("cannot keep the accepted revision", error=str(error))

    def close(self) -> None:
        """Leave the folder to others."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _keep(self, identity: Identity) -> None:
        replace(self._folder / FILE, identity.model_dump_json())
        self.identity = identity

    def _stored(self) -> Identity:
        path = self._folder / FILE
        try:
            return Identity.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return self.identity
        except ValidationError:
            raise BadSetting(
                f"CAPFLOW_DATA: {path} cannot be read; remove it, and this agent is a new one"
            ) from None

    def _take_lock(self) -> None:
        try:
            self._lock = hold(self._folder / LOCK)
        except BlockingIOError:
            raise BadSetting(
                f"CAPFLOW_DATA: another agent runs with {self._folder}; give each its own folder"
            ) from None
