"""A recording whose output fails."""

import asyncio
from contextlib import nullcontext
from io import BytesIO
from typing import Any

import httpx2
import pytest

from contracts.rest import StartAnswer
from services.client.api import Gateway
from services.client.recording import Recording
from tests.support.stub_capflow import KEY, SESSION, TASK_ID, capture

STARTED = {
    "task_id": TASK_ID, "session": SESSION, "limits": {"seconds": 60, "bytes": 1000},
    "stream": {"url": "ws://x.test/", "ticket": "t", "expires_at": "2026-11-23T21:50:00Z"},
}  # fmt: skip


class LeftPipe(BytesIO):
    """A pipe whose reader goes just before something is written, and that is heard at once."""

    def __init__(self, heard: asyncio.Event) -> None:
        super().__init__()
        self._heard = heard

    def write(self, _data: Any) -> int:
        self._heard.set()
        raise BrokenPipeError


async def test_a_capture_ends_when_the_reader_goes_while_something_is_written() -> None:
    asked = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append((request.method, request.url.path))
        if request.url.path.startswith("/v1/tasks"):
            return httpx2.Response(200, json=capture())
        return httpx2.Response(202 if request.method == "POST" else 200, content=b"packets")

    stop = asyncio.Event()
    async with Gateway("http://capflow.test", KEY, httpx2.MockTransport(answer)) as gateway:
        started = StartAnswer.model_validate(STARTED)
        recording = Recording(gateway, started, lambda: nullcontext(LeftPipe(stop)))
        with pytest.raises(BrokenPipeError):
            await recording.run(stop)
    assert ("POST", f"/v1/captures/{SESSION}/stop") in asked
