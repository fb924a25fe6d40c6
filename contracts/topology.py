"""Every name on the wire and in the stores, in one place."""

from dataclasses import dataclass

PREFIX = "capflow"
MESSAGE_VERSION = 1

# --- RabbitMQ: exchanges -------------------------------------------------------------------------

COMMANDS = "capflow.commands"
KEEPALIVE = "capflow.keepalive"
EVENTS = "capflow.events"
DEAD = "capflow.dead"


@dataclass(frozen=True, slots=True)
class ExchangeSpec:
    """An exchange, durable."""

    name: str
    type: str = "topic"


@dataclass(frozen=True, slots=True)
class QueueSpec:
    """A queue and what is bound to it.

    Its arguments are the type and the dead-letter exchange only: what operators tune is a policy.
    """

    name: str
    exchange: str
    binding: str
    quorum: bool = True
    exclusive: bool = False
    dead_letters: bool = True
    prefetch: int = 5


EXCHANGES = (
    ExchangeSpec(COMMANDS),
    ExchangeSpec(KEEPALIVE),
    ExchangeSpec(EVENTS),
    ExchangeSpec(DEAD, "fanout"),
)
COMMANDS_QUEUE = QueueSpec("capflow.dispatcher.commands", COMMANDS, "capture.#")
REPORTS_QUEUE = QueueSpec("capflow.dispatcher.reports", EVENTS, "report.#")
KEEPALIVE_QUEUE = QueueSpec(
    "capflow.dispatcher.keepalive", KEEPALIVE, "#", quorum=False, prefetch=128
)
"""Its prefetch keeps two batches under way, and the next step of a start behind no more."""
DEAD_QUEUE = QueueSpec("capflow.dead", DEAD, "", dead_letters=False)
QUEUES = (COMMANDS_QUEUE, REPORTS_QUEUE, KEEPALIVE_QUEUE, DEAD_QUEUE)


def gateway_events_queue(gateway_id: str) -> QueueSpec:
    """The queue by which one gateway hears of tasks; it goes with its connection."""
    return QueueSpec(
        f"capflow.gateway.{gateway_id}.events",
        EVENTS,
        "task.#",
        quorum=False,
        exclusive=True,
        dead_letters=False,
        prefetch=200,
    )


# --- RabbitMQ: message types, routing keys, headers ----------------------------------------------

START_CAPTURE = "capture.start"
STOP_CAPTURE = "capture.stop"
COMMAND_REPLY = "capture.reply"
KEEPALIVE_TYPE = "keepalive"
WANTED_TYPE = "wanted"
TASK_REPORT = "task.report"
TASK_EVENT = "task.event"

COMMAND_EXPIRATION = 30.0
"""Seconds after which a start must no longer happen."""

VERSION_HEADER = "version"
TRACE_HEADER = "traceparent"
REQUESTED_BY_HEADER = "requested-by"
DEAD_REASON_HEADER = "capflow-reason"
DEAD_QUEUE_HEADER = "capflow-queue"

CONTENT_TYPE = "application/json"


def start_key(resource: str, service: str) -> str:
    """Routing key of a `StartCapture`."""
    return f"{START_CAPTURE}.{resource}.{service}"


def stop_key(resource: str, service: str) -> str:
    """Routing key of a `StopCapture`."""
    return f"{STOP_CAPTURE}.{resource}.{service}"


def report_key(state: str, resource: str, service: str) -> str:
    """Routing key of a `TaskReport`."""
    return f"report.{state}.{resource}.{service}"


def event_key(state: str, resource: str, service: str) -> str:
    """Routing key of a `TaskEvent`."""
    return f"task.{state}.{resource}.{service}"


# --- Redis ---------------------------------------------------------------------------------------


def task_key(task_id: object) -> str:
    """Hash: the task; its presence means requested, running, or lately ended."""
    return f"capflow:task:{task_id}"


def running_key(resource: str, service: str) -> str:
    """String: id of the task that holds the claim."""
    return f"capflow:running:{resource}.{service}"


def wanted_key(resource: str) -> str:
    """Hash: `revision`, and the orders wanted there under their task ids."""
    return f"capflow:wanted:{resource}"


def agent_key(resource: str) -> str:
    """Hash: the last KeepAlive and its reply address."""
    return f"capflow:agent:{resource}"


def viewers_key(session: str) -> str:
    """String: somebody watches; lives `idle_seconds`."""
    return f"capflow:viewers:{session}"


def refusal_key(task_id: object) -> str:
    """String: the refusal of a start, so that its repetition is answered alike."""
    return f"capflow:refusal:{task_id}"


RESOURCES_KEY = "capflow:resources"
"""Sorted set: every resource heard of, by the time of its last KeepAlive (ms)."""
DEADLINES_KEY = "capflow:deadlines"
"""Sorted set: live tasks by when the reaper looks at them next (ms)."""
EPOCH_KEY = "capflow:epoch"
"""String: when the task store was first seen, or last found to have gone back (ms)."""
TICK_KEY = "capflow:tick"
"""String: when a dispatcher was last here (ms); one that goes back shows that the store did."""
CAPS_KEY = "capflow:caps"
"""String: the operator's caps as JSON, told again and again by the dispatchers."""
RETENTION_KEY = "capflow:retention"
"""String: held by the dispatcher that removes what is stored too long, one at a time."""

# --- MongoDB and SQLite --------------------------------------------------------------------------

DATABASE = "capflow"
BLOCKS = "blocks"
SESSIONS = "sessions"
