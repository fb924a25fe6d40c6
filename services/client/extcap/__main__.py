"""What Wireshark asks of the plug-in, by its arguments (extcap(4))."""

import sys

from .arguments import Arguments
from .errors import PluginError


def main(arguments: list[str], beside: str) -> int:
    """Do what is asked; the exit status. `beside` is the folder of the plug-in's file."""
    try:
        return _do(Arguments(arguments), beside)
    except PluginError as error:
        sys.stderr.write(f"Capflow: {error}\n")
    except BrokenPipeError:
        pass  # who asked has gone
    return 1


def _do(asked: Arguments, beside: str) -> int:
    if "extcap-interfaces" in asked:
        from . import interfaces

        return interfaces.tell(beside)
    if "extcap-dlts" in asked or "extcap-config" in asked:
        from . import grammar

        sys.stdout.write(grammar.DLT if "extcap-dlts" in asked else grammar.config(asked))
        return 0
    if "capture" in asked:
        from . import capturing

        return capturing.capture(asked, beside)
    if "extcap-capture-filter" in asked:
        from . import filters

        return filters.tell(asked, beside)
    sys.stderr.write("Capflow's plug-in for Wireshark: Wireshark starts it, with arguments.\n")
    return 2
