"""The data folder: rights, room, and who uses it."""

import fcntl
import os
import shutil
from pathlib import Path

from services.client.output import size
from services.client.whereabouts import KEY_FILE
from services.standalone.examining.finding import Finding, fail, note, ok, warn
from services.standalone.folder import LOCK

_LITTLE = 1 << 30
"""Bytes: what one capture may take by default."""


def examine(folder: Path) -> list[Finding]:
    """What the folder is like."""
    if not folder.exists():
        return [_to_be_made(folder)]
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        step = f"`sudo chown -R $USER {folder}`, or set CAPFLOW_DATA to a folder of yours"
        return [fail("data folder", f"{folder} cannot be written", step)]
    return [_private(folder), _room(folder), _held(folder)]


def _to_be_made(folder: Path) -> Finding:
    parent = next(each for each in folder.parents if each.exists())
    if os.access(parent, os.W_OK | os.X_OK):
        return note("data folder", f"{folder} is made at the first start")
    return fail(
        "data folder",
        f"{folder} cannot be made: {parent} cannot be written",
        "set CAPFLOW_DATA to a folder that can be made",
    )


def _private(folder: Path) -> Finding:
    for path, most in ((folder, 0o700), (folder / KEY_FILE, 0o600)):
        if path.exists() and path.stat().st_mode & 0o077:
            return warn(
                "data folder", f"others may read {path}", f"`chmod {most:o} {path}` keeps them out"
            )
    return ok("data folder", f"{folder}, for its owner alone")


def _room(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    if free < _LITTLE:
        step = "make room, or bound what is kept with CAPFLOW_QUOTA and CAPFLOW_RETENTION"
        return warn("disk", f"{size(free)} free in {folder}", step)
    return ok("disk", f"{size(free)} free")


def _held(folder: Path) -> Finding:
    try:
        with (folder / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return ok("in use", "a `capflow up` runs on this folder")
    except OSError:
        pass
    return note("in use", "no `capflow up` runs on this folder")
