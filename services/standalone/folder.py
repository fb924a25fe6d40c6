"""The data folder, which one `capflow up` holds at a time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.runtime.errors import BadSetting
from services.runtime.lockfile import hold
from services.runtime.secretfile import private_folder, replace

LOCK = "up.lock"
"""In the data folder: locked by the `capflow up` that uses it."""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the folder. Raises BadSetting where another process does, or it cannot be made."""
    try:
        private_folder(folder)
        lock = hold(folder / LOCK)
    except BlockingIOError:
        raise BadSetting(
            f"CAPFLOW_DATA: another `capflow up` uses {folder}; give this one its own folder"
        ) from None
    except OSError as error:
        raise BadSetting(f"CAPFLOW_DATA: cannot use {folder}: {error.strerror}") from None
    try:
        yield
    finally:
        os.close(lock)


@contextmanager
def recorded(path: Path, text: str) -> Iterator[None]:
    """Keep `text` in a file for as long as it is true."""
    replace(path, text)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
