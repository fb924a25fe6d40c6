"""Starts captures and tells how long they take, as clients on the bus and on a WebSocket see it.

`python -m tests.bench.starter REST_URL AMQP_URL` takes orders `{services, viewers}`, starts these
services at once, and answers with a list of what each start took, in seconds: `answered`,
`running` (the event on the bus), `sse`, and `packet` (the first one at a viewer; with `viewers`).
"""

import asyncio
import json
import sys
import time
from typing import Any

import aio_pika
import uvloop
from aio_pika.abc import AbstractIncomingMessage
from websockets.asyncio.client import connect

from contracts.topology import EVENTS
from tests.bench.http import Http
from tests.support.stack import RESOURCE

_PATIENCE = 20.0
_TRY_AGAIN = 503


class Ears:
    """Hears of tasks, on the bus and by server-sent events: when each came to be in a state."""

    def __init__(self) -> None:
        self._heard: dict[tuple[str, str, str], asyncio.Future[float]] = {}

    async def of(self, way: str, task_id: str, state: str) -> float:
        """When a task was heard to be in a state."""
        return await asyncio.wait_for(self._future(way, task_id, state), _PATIENCE)

    async def follow_bus(self, url: str) -> aio_pika.abc.AbstractConnection:
        """Hear what the bus tells."""
        connection = await aio_pika.connect(url)
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(await channel.get_exchange(EVENTS, ensure=False), "task.#")
        await queue.consume(self._on_event, no_ack=True)
        return connection

    async def follow_sse(self, rest: Http) -> None:
        """Hear what the gateway tells."""
        rest_of_it = b""
        async for data in rest.stream("/v1/events"):
            *lines, rest_of_it = (rest_of_it + data).split(b"\n")
            for line in lines:
                if line.startswith(b"data:"):
                    self._note("sse", json.loads(line[5:]))

    async def _on_event(self, message: AbstractIncomingMessage) -> None:
        self._note("bus", json.loads(message.body))

    def _note(self, way: str, task: dict[str, Any]) -> None:
        heard = self._future(way, task["task_id"], task["state"])
        if not heard.done():
            heard.set_result(time.perf_counter())

    def _future(self, way: str, task_id: str, state: str) -> asyncio.Future[float]:
        key = (way, task_id, state)
        if key not in self._heard:
            self._heard[key] = asyncio.get_running_loop().create_future()
        return self._heard[key]


async def start(rest: Http, ears: Ears, service: str, viewer: bool) -> dict[str, float]:
    """Start one capture, and stop it when it has been heard to run and seen to deliver."""
    began = time.perf_counter()
    body = {"resource": RESOURCE, "service": service}
    status, started = await rest.call("POST", "/v1/captures", body)
    while status == _TRY_AGAIN:  # too much at once; the time counts from the first try
        await asyncio.sleep(0.1)
        body["task_id"] = started["task_id"]
        status, started = await rest.call("POST", "/v1/captures", body)
    assert status == 202, started
    took = {"answered": time.perf_counter() - began}
    packet = asyncio.create_task(_first_packet(started)) if viewer else None
    took["running"] = await ears.of("bus", started["task_id"], "running") - began
    took["sse"] = await ears.of("sse", started["task_id"], "running") - began
    if packet is not None:
        took["packet"] = await packet - began
    await _stop(rest, ears, started)
    return took


async def _stop(rest: Http, ears: Ears, started: dict[str, Any]) -> None:
    """Stop a capture, and wait until it has been heard to have stopped."""
    status, answer = _TRY_AGAIN, dict[str, Any]()
    while status == _TRY_AGAIN:
        status, answer = await rest.call("POST", f"/v1/captures/{started['session']}/stop")
    try:
        await ears.of("bus", started["task_id"], "stopped")
    except TimeoutError:
        task = await rest.call("GET", f"/v1/tasks/{started['task_id']}")
        raise AssertionError(f"not heard to stop: {status} {answer}, now {task}") from None


async def _first_packet(started: dict[str, Any]) -> float:
    stream = started["stream"]
    async with (
        asyncio.timeout(_PATIENCE),
        connect(stream["url"], compression=None, proxy=None) as viewer,
    ):
        hello = {"type": "session", "session": started["session"], "ticket": stream["ticket"]}
        await viewer.send(json.dumps(hello))
        await viewer.send('{"type": "start", "from": "beginning", "format": "pcapng"}')
        async for frame in viewer:
            if isinstance(frame, str) and '"type":"packets"' in frame:
                viewer.transport.abort()  # a close would wait for all that is still on its way
                return time.perf_counter()
    raise AssertionError("the stream ended without a packet")


async def main() -> None:
    """Start what is ordered."""
    rest, ears = Http(sys.argv[1]), Ears()
    bus = await ears.follow_bus(sys.argv[2])
    following = asyncio.create_task(ears.follow_sse(rest))
    while line := await asyncio.to_thread(sys.stdin.readline):
        order = json.loads(line)
        starts = [start(rest, ears, name, order["viewers"]) for name in order["services"]]
        print(json.dumps(await asyncio.gather(*starts)), flush=True)
    following.cancel()
    await bus.close()


if __name__ == "__main__":
    uvloop.run(main())
