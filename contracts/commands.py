"""Commands to the dispatcher, and its answer."""

from typing import Self
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import model_validator

from contracts.model import Message, Text
from contracts.names import Name, SessionName
from contracts.order import DEFAULT_IDLE_SECONDS, IdleSeconds, Limits, Snaplen
from contracts.task import Failure


class StartCapture(Message):
    """Start a capture of `service` on `resource`."""

    resource: Name
    service: Name
    filter: Text = ""
    """pcap-filter syntax; narrows the service's own filter."""
    snaplen: Snaplen | None = None
    limits: Limits = Limits()
    endpoint: Name | None = None
    """Name of the endpoint; none: the first one configured."""
    keep: bool = False
    idle_seconds: IdleSeconds = DEFAULT_IDLE_SECONDS
    task_id: UUID | None = None
    """Chosen by the sender, so that the command sent twice happens once; none: the message id."""


class StopCapture(Message):
    """Stop a capture, named by its session or its task."""

    session: SessionName | None = None
    task_id: UUID | None = None

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.session is None) == (self.task_id is None):
            raise ValueError("give either session or task_id")
        return self


class CommandReply(Message):
    """The dispatcher's answer. Of a refusal for `already-running`, `task_id` and `session` name
    the capture that runs."""

    accepted: bool
    task_id: UUID | None = None
    session: SessionName | None = None
    error: Failure | None = None
    limits: Limits | None = None
    """The limits in force, of an accepted start."""


class Refused:
    """The codes of `CommandReply.error`."""

    ALREADY_RUNNING = "already-running"
    UNKNOWN_RESOURCE = "unknown-resource"
    UNKNOWN_SERVICE = "unknown-service"
    UNKNOWN_ENDPOINT = "unknown-endpoint"
    UNKNOWN_CAPTURE = "unknown-capture"
    RESOURCE_OFFLINE = "resource-offline"
    INVALID_FILTER = "invalid-filter"
    TASK_ID_REUSED = "task-id-reused"
    NOT_READY = "not-ready"
    """The resource's agent has not been heard of since the task store came back."""


def task_id_of(message_id: str) -> UUID:
    """The task id of a command that carries none: its message id, as a UUID."""
    try:
        return UUID(message_id)
    except ValueError:
        return uuid5(NAMESPACE_URL, f"capflow:message:{message_id}")
