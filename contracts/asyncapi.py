"""The AsyncAPI 3.0 document: who publishes what, where, and what answers it.

Source of the form: the AsyncAPI specification 3.0.0 and its AMQP 0-9-1 and WebSocket bindings.
"""

from dataclasses import dataclass
from typing import Any, Literal

from contracts import topology
from contracts.jsonschema import BUS, FROM_STREAMER, TO_STREAMER
from contracts.stream import STREAM_PATH


@dataclass(frozen=True, slots=True)
class _Route:
    """One kind of message on an exchange."""

    name: str
    exchange: str
    address: str
    type: str
    message: str
    publisher: str
    reply: str | None = None


_ROUTES = (
    _Route(
        "startCapture", topology.COMMANDS, topology.start_key("{resource}", "{service}"),
        topology.START_CAPTURE, "StartCapture", "the gateway and other systems", "CommandReply",
    ),
    _Route(
        "stopCapture", topology.COMMANDS, topology.stop_key("{resource}", "{service}"),
        topology.STOP_CAPTURE, "StopCapture", "the gateway and other systems", "CommandReply",
    ),
    _Route(
        "keepAlive", topology.KEEPALIVE, "{resource}",
        topology.KEEPALIVE_TYPE, "KeepAlive", "agents", "Wanted",
    ),
    _Route(
        "taskReport", topology.EVENTS, topology.report_key("{state}", "{resource}", "{service}"),
        topology.TASK_REPORT, "TaskReport", "agents",
    ),
    _Route(
        "taskEvent", topology.EVENTS, topology.event_key("{state}", "{resource}", "{service}"),
        topology.TASK_EVENT, "TaskEvent", "the dispatcher alone",
    ),
)  # fmt: skip

_TYPE_OF_REPLY = {"CommandReply": topology.COMMAND_REPLY, "Wanted": topology.WANTED_TYPE}
_HEADERS = {
    "type": "object",
    "properties": {
        topology.VERSION_HEADER: {"const": topology.MESSAGE_VERSION},
        topology.TRACE_HEADER: {"type": "string", "description": "W3C Trace Context"},
    },
    "required": [topology.VERSION_HEADER],
}


def asyncapi(version: str) -> dict[str, Any]:
    """The whole document, for release `version`."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for route in _ROUTES:
        channels[route.name] = _channel(route)
        operations[route.name] = _operation(route)
        if route.reply:
            channels[f"{route.name}Reply"] = _reply_channel(route.reply)
    channels["stream"] = _stream_channel()
    operations |= _stream_operations()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Capflow",
            "version": version,
            "description": "Remote packet capture, on request, live.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": topology.CONTENT_TYPE,
        "channels": channels,
        "operations": operations,
        "components": {"messages": _messages()},
    }


def _channel(route: _Route) -> dict[str, Any]:
    binding = {
        "is": "routingKey",
        "exchange": {"name": route.exchange, "type": "topic", "durable": True, "vhost": "/"},
    }
    return {
        "address": route.address,
        "description": f"On exchange `{route.exchange}`, published by {route.publisher}.",
        "messages": {route.message: {"$ref": f"#/components/messages/{route.message}"}},
        "parameters": _parameters(route.address),
        "bindings": {"amqp": binding},
    }


def _parameters(address: str) -> dict[str, Any]:
    return {
        part[1:-1]: {"description": f"the {part[1:-1]}"}
        for part in address.split(".")
        if part.startswith("{")
    }


def _operation(route: _Route) -> dict[str, Any]:
    channel = f"#/channels/{route.name}"
    operation: dict[str, Any] = {
        "action": "receive",
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{route.message}"}],
    }
    if route.reply:
        operation["reply"] = {
            "address": {"location": "$message.header#/reply_to"},
            "channel": {"$ref": f"{channel}Reply"},
        }
    return operation


def _reply_channel(message: str) -> dict[str, Any]:
    return {
        "address": None,
        "description": "The `reply_to` of the request: direct reply-to, or a queue of the sender.",
        "messages": {message: {"$ref": f"#/components/messages/{message}"}},
    }


def _stream_channel() -> dict[str, Any]:
    names = [f"client.{name}" for name in TO_STREAMER]
    names += [f"server.{name}" for name in FROM_STREAMER]
    return {
        "address": STREAM_PATH,
        "description": "WebSocket of the streamer; text frames are JSON with a `type`.",
        "messages": {n: {"$ref": f"#/components/messages/stream.{n}"} for n in names},
        "bindings": {"ws": {"method": "GET"}},
    }


def _stream_operations() -> dict[str, Any]:
    def operation(action: Literal["send", "receive"], side: str, names: Any) -> dict[str, Any]:
        refs = [{"$ref": f"#/channels/stream/messages/{side}.{name}"} for name in names]
        return {"action": action, "channel": {"$ref": "#/channels/stream"}, "messages": refs}

    return {
        "viewerSays": operation("receive", "client", TO_STREAMER),
        "viewerIsTold": operation("send", "server", FROM_STREAMER),
    }


def _messages() -> dict[str, Any]:
    types = {route.message: route.type for route in _ROUTES} | _TYPE_OF_REPLY
    messages: dict[str, Any] = {
        name: {
            "name": types[name],
            "title": name,
            "headers": _HEADERS,
            "payload": _schema_of(name),
            "bindings": {"amqp": {"messageType": types[name]}},
        }
        for name in BUS
    }
    for side, models in (("client", TO_STREAMER), ("server", FROM_STREAMER)):
        for name in models:
            full = f"stream.{side}.{name}"
            messages[full] = {"name": name, "title": full, "payload": _schema_of(full)}
    return messages


def _schema_of(name: str) -> dict[str, str]:
    return {"$ref": f"./schemas/{name}.json"}
