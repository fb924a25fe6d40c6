"""Folders that only this process's user may enter."""

import os
import stat
from contextlib import suppress
from errno import ENOTDIR
from pathlib import Path


def make_private(folder: Path) -> None:
    """Make the folder, or make it private (0700).

    Raises OSError where that cannot be, or where something else has its name: a symbolic link is
    not followed.
    """
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700, parents=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise OSError(ENOTDIR, f"{folder} is not a folder")
    if stat.S_IMODE(found.st_mode) != 0o700 or found.st_uid != os.geteuid():
        os.chmod(folder, 0o700)


def is_own_file(path: Path) -> bool:
    """Whether a path is a regular file, and not a symbolic link to one."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def is_own_folder(path: Path) -> bool:
    """Whether a path is a folder, and not a symbolic link to one."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False
