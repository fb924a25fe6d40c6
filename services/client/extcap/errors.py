"""What can go wrong, in words that Wireshark shows."""


class PluginError(Exception):
    """The sentence is the message: what happened, to what, and what to do."""


class Away(PluginError):
    """The gateway cannot be reached, or does not answer."""


class Refused(PluginError):
    """The gateway refused; `code` and `problem` are its answer (RFC 9457)."""

    def __init__(self, text: str, code: str, problem: dict[str, object]) -> None:
        super().__init__(text)
        self.code = code
        self.problem = problem
