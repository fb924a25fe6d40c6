"""A file that one process at a time holds, and with it what the file stands for."""

import fcntl
import os
from pathlib import Path


def hold(path: Path) -> int:
    """Hold the file, made where there is none, until what is returned is closed (`os.close`) or
    this process ends.

    Raises BlockingIOError where another process holds it, and OSError where it cannot be opened.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
