"""Why a capture could not start or go on: a code for programs and a sentence for people."""

from contracts.task import Failure

UNKNOWN_SERVICE = "unknown-service"
UNKNOWN_ENDPOINT = "unknown-endpoint"
UNKNOWN_LINKTYPE = "unknown-linktype"
INVALID_FILTER = "invalid-filter"
NO_FILTERS = "no-filters"
NO_SUCH_INTERFACE = "no-such-interface"
INTERFACE_DOWN = "interface-down"
NO_PERMISSION = "no-permission"
CAPTURE_REFUSED = "capture-refused"
REPLAY_UNREADABLE = "replay-unreadable"
STORE_REFUSED = "store-refused"
ENDPOINT_AWAY = "endpoint-away"
AGENT_REFUSED = "agent-refused"
AGENT_RESTARTED = "agent-restarted"
AGENT_ERROR = "agent-error"


class CaptureFailed(Exception):
    """A capture cannot start or go on: what happened, to what, and what to do."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail

    def failure(self) -> Failure:
        """The same, as reports carry it."""
        return Failure(code=self.code, detail=self.detail)
