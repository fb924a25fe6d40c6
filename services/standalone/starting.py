"""How a process ends that was told something wrong."""

import sys
from collections.abc import Callable
from typing import TypeVar

from services.runtime.errors import BadSetting

WRONG_SETTING = 2
Made = TypeVar("Made")


def or_end(make: Callable[[], Made]) -> Made:
    """What `make` gives; a BadSetting of it ends the process with the variable's name."""
    try:
        return make()
    except BadSetting as error:
        for line in str(error).splitlines():
            print(f"capflow: {line}", file=sys.stderr)
        sys.exit(WRONG_SETTING)
