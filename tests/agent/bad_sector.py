"""A disk of which a part cannot be read: `os.pread` as the kernel has it then."""

import os
from collections.abc import Callable
from errno import EIO

_PAGE = 4096

Pread = Callable[[int, int, int], bytes]


def bad_page(page: int) -> Pread:
    """A `pread` that cannot read one page of any file: it gives what is before it, and an error
    where nothing is."""
    whole, begins = os.pread, page * _PAGE

    def pread(handle: int, length: int, at: int) -> bytes:
        if begins <= at < begins + _PAGE and length:
            raise OSError(EIO, os.strerror(EIO))
        return whole(handle, min(length, begins - at) if at < begins else length, at)

    return pread


def fails(*_: object) -> int:
    """What a dying disk says to any call."""
    raise OSError(EIO, os.strerror(EIO))
