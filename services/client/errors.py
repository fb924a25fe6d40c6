"""What can go wrong for a client, and what to do next.

CapflowError
 ├── ApiError           the gateway said no
 ├── ViewerRefused      the streamer said no
 ├── Stuck
 │    ├── NotRunning    a capture that was asked for does not run
 │    ├── StillRunning  a capture that was asked to stop has not ended
 │    └── NotWhole      a file could not be had whole
 └── Unavailable
      ├── GatewayAway
      └── StreamerAway
"""

from contracts.rest import Problem
from services.runtime.errors import CapflowError, Unavailable

_BY_CODE = {
    "already-running": "watch it with `capflow tail {session}`, or `capflow stop {session}`",
    "unknown-resource": "`capflow resources` lists what there is",
    "unknown-service": "`capflow resources` lists what there is",
    "unknown-capture": "`capflow ls` lists the captures",
    "resource-offline": "`capflow resources` says when its agent was last heard of",
    "still-running": "`capflow stop {session}` first, or wait for its end",
    "name-taken": "choose another name, or `capflow key revoke` the old one first",
    "unknown-key": "`capflow key list` lists them",
    "unknown-packet": "`capflow show SESSION` says how many there are",
    "invalid-filter": "the syntax is in pcap-filter(7), as of tcpdump",
    "task-id-reused": "give another --task-id, or none",
}
_BY_STATUS = {
    401: "set CAPFLOW_KEY to an API key of this gateway",
    403: "use a key whose role may do this (CAPFLOW_KEY)",
    429: "wait a little and try again",
    503: "try again in a few seconds",
}


class Stuck(CapflowError):
    """Something did not come about; with what to do, where there is something."""

    def __init__(self, text: str, next_step: str | None = None) -> None:
        super().__init__(text)
        self.next_step = next_step


class NotRunning(Stuck):
    """A capture that was asked for does not run."""


class StillRunning(Stuck):
    """A capture that was asked to stop has not ended in time."""

    def __init__(self, text: str) -> None:
        super().__init__(text, "it ends when its agent is heard of again, or its limits are over")


class NotWhole(Stuck):
    """A capture's file could not be had whole, or is not what the gateway says it is."""


class ApiError(CapflowError):
    """The gateway refused a call; `problem` is its answer (RFC 9457)."""

    def __init__(self, problem: Problem, retry_after: float | None = None) -> None:
        super().__init__(problem.detail or problem.title)
        self.problem = problem
        self.retry_after = retry_after
        """Seconds after which the same call may succeed, where the gateway said so."""

    @property
    def code(self) -> str:
        """The problem's code, such as `already-running`."""
        return self.problem.code

    @property
    def passes(self) -> bool:
        """Whether the same call may succeed later."""
        return self.problem.status in (429, 502, 503, 504)

    @property
    def next_step(self) -> str | None:
        """What to do now, if we know."""
        problem = self.problem
        if problem.status == 503 and problem.task_id:
            return f"try again with --task-id {problem.task_id}, so that it happens once"
        step = _BY_CODE.get(problem.code) or _BY_STATUS.get(problem.status)
        return step.format(session=problem.session) if step else None


class GatewayAway(Unavailable):
    """The gateway cannot be reached, or does not answer."""

    next_step = "start one here with `capflow up`, or set CAPFLOW_URL to one that runs"


class StreamerAway(Unavailable):
    """The streamer cannot be reached, or went and did not come back."""

    next_step = "its address is the gateway's CAPFLOW_STREAM_URL; try again when it is back"


class ViewerRefused(CapflowError):
    """The streamer refused what this viewer asked for."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def passes(error: CapflowError) -> bool:
    """Whether the same call may succeed later."""
    return error.passes if isinstance(error, ApiError) else isinstance(error, Unavailable)
