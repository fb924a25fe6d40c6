"""What `capflow record` does."""

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import click

from contracts.rest import StartAnswer
from contracts.task import Capture, TaskState
from services.client.actions.calling import FAILED
from services.client.api import Gateway
from services.client.interrupts import on_interrupt, on_reader_gone
from services.client.ledger_text import end_line, ledger_lines
from services.client.output import json_line, note, size
from services.client.recording import Recording
from services.client.starting import start_request
from services.runtime.errors import BadSetting


async def run(gateway: Gateway, write: str | None, as_json: bool, **asked: Any) -> None:
    """Start a capture, stream it into a file until its end, say where every packet is."""
    if write == "-" and as_json:
        raise click.UsageError("-w - writes pcapng to standard output; leave out --json")
    request = start_request(asked | {"task_id": uuid4()})
    stop = asyncio.Event()
    on_interrupt(stop.set)
    with _checked(write):
        answer = await gateway.start(request)
        name = write or f"{answer.session}.pcapng"
        shown = "standard output" if name == "-" else name
        note(f"recording {answer.session} into {shown}, {_limits(answer)}; Ctrl-C ends it")
        recording = Recording(gateway, answer, lambda: _opened(name))
        if name == "-":
            on_reader_gone(stop.set)
        capture = await recording.run(stop)
    _tell(capture, shown, recording.size, as_json)


def _tell(capture: Capture, name: str, written: int, as_json: bool) -> None:
    note(f"{capture.session} {end_line(capture)}")
    for line in ledger_lines(capture.ledger):
        note(line)
    note(f"{capture.ledger.stored} packets, {size(written)} in {name}")
    if as_json:
        json_line(capture)
    if capture.state is TaskState.FAILED:
        raise SystemExit(FAILED)


def _limits(answer: StartAnswer) -> str:
    limits = answer.limits
    packets = f"{limits.packets} packets or " if limits.packets else ""
    return f"for {limits.seconds} s, {packets}{size(limits.bytes)} at most"


@contextmanager
def _checked(write: str | None) -> Iterator[None]:
    """Find out whether the file can be written before anything is started; where nothing comes to
    be written, it is left as it was."""
    if write in (None, "-"):
        yield
        return
    path = Path(str(write))
    new = not path.exists()
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o666))
    except OSError as error:
        raise BadSetting(f"--write {write}: {error.strerror}") from None
    try:
        yield
    except BaseException:
        if new and not path.stat().st_size:
            path.unlink()
        raise


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    if name == "-":
        yield sys.stdout.buffer
        return
    with open(name, "wb") as file:
        yield file
