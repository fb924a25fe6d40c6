"""Arguments as Wireshark gives them: `--name value`, `--name=value` or `--name`.

Read by hand, since argparse takes longer to import than everything else here, and refuses what a
newer Wireshark may add.
"""

from .errors import PluginError


class Arguments:
    """The arguments by their names, without the hyphens."""

    def __init__(self, given: list[str]) -> None:
        self._values: dict[str, str] = {}
        at = 0
        while at < len(given):
            name, equals, value = given[at].partition("=")
            at += 1
            if not name.startswith("--"):
                continue
            if not equals and at < len(given) and not given[at].startswith("--"):
                value = given[at]
                at += 1
            self._values[name[2:]] = value

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str) -> str:
        """A value; empty where there is none."""
        return self._values.get(name, "").strip()

    def flag(self, name: str) -> bool:
        """Whether something is turned on; a bare name turns it on."""
        return name in self and self.text(name).lower() in ("", "true", "1", "yes")

    def needed(self, name: str) -> str:
        """A value that Wireshark always gives."""
        if not self.text(name):
            raise PluginError(f"--{name} is missing: Wireshark starts this, with arguments")
        return self.text(name)
