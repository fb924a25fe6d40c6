"""Logs: lines for people on a terminal, JSON elsewhere."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from services.runtime.escaping import escape

Event = MutableMapping[str, Any]

_NOISY = ("aio_pika", "aiormq", "websockets", "uvicorn", "pymongo", "asyncio")


def configure(service: str, level: str = "info", format: str = "auto") -> None:
    """Send this process's log lines to standard error, each with the service that wrote it."""
    console = format == "console" or (format == "auto" and sys.stderr.isatty())
    numeric = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _naming(service),
            structlog.processors.format_exc_info,
            _escape,
            _renderer(console),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    _hush_libraries(level)


def get(service: str) -> Any:
    """A logger whose lines carry `service`."""
    return structlog.get_logger(service=service)


def _naming(service: str) -> structlog.typing.Processor:
    def name(_logger: Any, _method: str, event: Event) -> Event:
        event.setdefault("service", service)
        return event

    return name


def _escape(_logger: Any, _method: str, event: Event) -> Event:
    """Text from packets and names must not steer a terminal."""
    for key, value in event.items():
        if isinstance(value, str):
            lines = value.split("\n") if key == "exception" else [value]
            event[key] = "\n".join(map(escape, lines))
    return event


def _renderer(console: bool) -> structlog.typing.Processor:
    if console:
        return structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    return structlog.processors.JSONRenderer()


def _hush_libraries(level: str) -> None:
    """Libraries repeat what our own lines say; their warnings matter when something is amiss."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.DEBUG if level == "debug" else logging.CRITICAL)
