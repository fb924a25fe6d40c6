"""Secrets and ids that are made once and kept in a file that only its owner reads."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def private_folder(path: Path) -> Path:
    """Make the folder, if need be, so that only its owner may enter (0700)."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def read_or_make(path: Path, make: Callable[[], str]) -> str:
    """The text in `path`; where there is no such file, `make`'s, which it holds from now on.

    Two processes that make it at once end with the same text.
    """
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        private_folder(path.parent)
        _link_new(path, make())
        return path.read_text(encoding="utf-8").strip()


def replace(path: Path, text: str) -> None:
    """Put `text` in the place of the file's, whole or not at all, even if the power fails."""
    temporary = _write_beside(path, text)
    os.replace(temporary, path)


def _link_new(path: Path, text: str) -> None:
    temporary = _write_beside(path, text)
    try:
        os.link(temporary, path)  # unlike a rename, fails where another process was first
    except FileExistsError:
        pass
    finally:
        temporary.unlink()


def _write_beside(path: Path, text: str) -> Path:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        os.unlink(name)  # a full disk must not fill up with these
        raise
    return Path(name)
