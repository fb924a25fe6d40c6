"""Settings as a process starts with them."""

import sys
from typing import TypeVar

from services.runtime.errors import BadSetting
from services.runtime.settings import ServiceSettings, load

WRONG_SETTING = 2
Settings = TypeVar("Settings", bound=ServiceSettings)


def loaded(cls: type[Settings]) -> Settings:
    """The settings of the environment; a wrong one ends the process with its name."""
    try:
        return load(cls)
    except BadSetting as error:
        for line in str(error).splitlines():
            print(f"capflow: {line}", file=sys.stderr)
        sys.exit(WRONG_SETTING)
