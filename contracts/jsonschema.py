"""JSON Schemas of the messages on the bus and on the WebSocket, for those who speak no Python."""

from typing import Any

from pydantic import TypeAdapter

from contracts import stream
from contracts.commands import CommandReply, StartCapture, StopCapture
from contracts.keepalive import KeepAlive, Wanted
from contracts.model import Message
from contracts.task import Task, TaskReport

DIALECT = "https://json-schema.org/draft/2020-12/schema"

BUS: dict[str, type[Message]] = {
    "StartCapture": StartCapture,
    "StopCapture": StopCapture,
    "CommandReply": CommandReply,
    "KeepAlive": KeepAlive,
    "Wanted": Wanted,
    "TaskReport": TaskReport,
    "TaskEvent": Task,
}
"""What travels on RabbitMQ, by the name of the message."""

TO_STREAMER: dict[str, Any] = {
    "session": stream.ClientSession,
    "start": stream.ClientStart,
    "stop": stream.ClientStop,
}
"""What a viewer sends, by `type`."""

FROM_STREAMER: dict[str, Any] = {
    "session": stream.SessionInfo,
    "started": stream.Started,
    "stopped": stream.Stopped,
    "packets": stream.Packets,
    "gap": stream.Gap,
    "status": stream.Status,
    "end": stream.End,
    "error": stream.StreamError,
}
"""What a viewer is sent, by `type`."""


def schema(model: Any, title: str) -> dict[str, Any]:
    """The JSON Schema of one message as it is read."""
    body = TypeAdapter(model).json_schema(mode="validation")
    return {"$schema": DIALECT, **body, "title": title}


def schemas() -> dict[str, dict[str, Any]]:
    """Every schema, by the name of its file."""
    named: dict[str, Any] = dict(BUS)
    named |= {f"stream.client.{name}": model for name, model in TO_STREAMER.items()}
    named |= {f"stream.server.{name}": model for name, model in FROM_STREAMER.items()}
    return {name: schema(model, name) for name, model in named.items()}
