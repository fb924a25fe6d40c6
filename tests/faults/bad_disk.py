"""A disk that dies on demand, without one that is broken: ext4 on a loop device whose store is
memory of this process. Its errors (EIO) are the kernel's own, as of any disk."""

import fcntl
import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.faults.outcome import Void

_SIZE = 48 << 20
_BLOCK = 4096
_FIBMAP = 1
"""The request of ioctl(2) that gives a file's block its number on the disk (linux/fs.h)."""


class BadDisk:
    """Is mounted at `folder`, and well, until it dies. Without a journal, since a file system that
    cannot write its journal lets nobody write; this one goes on trying."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> Self:
        self._store = os.memfd_create("capflow-disk", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self._store, _SIZE)
        store = f"/proc/{os.getpid()}/fd/{self._store}"
        _run("mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-b", str(_BLOCK), store)
        self._folder.mkdir()
        _run("mount", "-o", "loop,errors=continue", store, str(self._folder))
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        _run("umount", "--lazy", str(self._folder))
        os.close(self._store)

    def die(self, path: Path) -> None:
        """From now on it takes nothing, and does not give back the second half of a file, nor what
        lies behind that."""
        descriptor = os.open(path, os.O_RDONLY)
        try:
            half = os.fstat(descriptor).st_size // _BLOCK // 2
            found = fcntl.ioctl(descriptor, _FIBMAP, half.to_bytes(4, "little"))
            os.ftruncate(self._store, int.from_bytes(found, "little") * _BLOCK)
            fcntl.fcntl(self._store, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)  # or memory would give it
        finally:
            os.close(descriptor)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Void(f"no disk that can fail: {' '.join(command)}: {done.stderr or done.stdout}")
