"""The capture flow, step by step beside the document it began with ("Capture Flow Basic").

Each step asserts what an outside client sees; once in one process, once on the real servers.
"""

import re
from datetime import UTC, datetime

from tests.support.outside import Rest, Viewer
from tests.support.stack import RESOURCE, Stack
from tests.support.traffic import Traffic
from tests.support.wait import until


async def test_the_flow_as_the_document_tells_it(
    stack: Stack, rest: Rest, traffic: Traffic
) -> None:
    # 1. The front end issues a 'start' capture request with the service's name.
    asked_at = datetime.now(UTC).replace(microsecond=0)
    request = {"resource": RESOURCE, "service": "lo", "filter": traffic.filter}
    answer = await rest.http.post("/v1/captures", json=request)

    # 2.b-d. The session is named resource.service.yyyymmddhhmmss; the client gets task and session.
    assert answer.status_code == 202, answer.text
    started = answer.json()
    task_id, session = started["task_id"], started["session"]
    assert re.fullmatch(rf"{RESOURCE}\.lo\.\d{{14}}", session)
    stamp = datetime.strptime(session.rsplit(".", 1)[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    assert asked_at <= stamp
    assert answer.headers["location"] == f"/v1/tasks/{task_id}"
    assert started["limits"] == {"seconds": 600, "packets": None, "bytes": 1 << 30}

    # 3.a-b. The client connects to the data server and sends the session's name.
    async with Viewer(session, started["stream"]) as viewer:
        info = await viewer.sees("session")
        assert info["capture"]["session"] == session

        # 3.c. It polls for the task's result, for 30 seconds at most.
        task = (await rest.http.get(f"/v1/tasks/{task_id}", params={"wait": 30})).json()
        assert task["state"] == "running"
        assert task["error"] is None
        await viewer.sees("status", lambda status: status["state"] == "running")

        # 2.a. While it runs, another start is an error 403 that names the running session.
        refused = await rest.http.post("/v1/captures", json=request)
        assert refused.status_code == 403
        assert refused.headers["content-type"].startswith("application/problem+json")
        problem = refused.json()
        assert problem["code"] == "already-running"
        assert problem["type"].endswith("/already-running")
        assert (problem["session"], problem["task_id"]) == (session, task_id)

        # 4.a. Nothing flows before the client's 'start'.
        traffic.send(50)
        await _stored(rest, session, 50)
        assert not viewer.of("packets")
        await viewer.begin("beginning", raw=True)

        # 4.b, 6.a, 7.c. Real packets come in batches, each once and in order.
        traffic.send(950)
        await viewer.has(1000)
        assert viewer.numbers == list(range(1000))
        assert traffic.numbers(viewer.frames) == list(range(1000))
        assert len(viewer.of("packets")) < 500, "packets must come in batches"
        first = viewer.of("packets")[0]["packets"][0]
        assert first["protocol"] == "UDP"
        assert first["destination"] == f"127.0.0.1:{traffic.port}"
        assert re.fullmatch(r"\d+\.\d{9}", first["time"])

        # 6.b-c. The agent reports the task's status and goes on with its KeepAlives.
        await viewer.sees("status", lambda status: status["ledger"]["stored"] == 1000)
        resource = (await rest.http.get(f"/v1/resources/{RESOURCE}")).json()
        assert resource["online"] is True
        assert resource["running"] == [task_id]

        # 4.c. 'stop' ends this viewer's flow, not the capture.
        await viewer.say(type="stop")
        await viewer.sees("stopped")
        assert (await rest.task(task_id))["state"] == "running"

        # Stopped by REST, the viewer is told with the reason and a ledger that closes.
        await viewer.begin(1000)
        await rest.stop(session)
        end = await viewer.sees("end")
        assert end["stop_reason"] == "requested"
        _closes(end["ledger"], captured=1000)
        assert await viewer.closed() == 1000

    ended = await rest.ended(task_id)
    assert (ended["state"], ended["stop_reason"]) == ("stopped", "requested")
    _closes(ended["ledger"], captured=1000)
    assert ended["requested_by"]
    assert ended["started_at"] <= ended["stopped_at"]

    # The service is free again.
    again = await rest.start_running(filter=traffic.filter)
    assert again["session"] != session
    await rest.stop(again["session"])
    await rest.ended(again["task_id"])


async def test_packets_are_kept_and_can_be_fetched_later(rest: Rest, traffic: Traffic) -> None:
    started = await rest.start_running(filter=traffic.filter, limits={"packets": 120})
    session = started["session"]
    traffic.send(200)
    ended = await rest.ended(started["task_id"])
    assert ended["stop_reason"] == "packets"
    _closes(ended["ledger"], captured=120)

    listed = (await rest.http.get("/v1/captures", params={"resource": RESOURCE})).json()
    assert session in [capture["session"] for capture in listed["items"]]
    page = await rest.http.get(f"/v1/captures/{session}/packets", params={"from": 100, "limit": 10})
    assert [packet["number"] for packet in page.json()["items"]] == list(range(100, 110))

    async with Viewer(session, await rest.ticket(session)) as viewer:
        await viewer.begin("beginning", format="pcapng")
        await viewer.sees("end")
        assert traffic.numbers(viewer.frames) == list(range(120))

    assert (await rest.http.delete(f"/v1/captures/{session}")).status_code == 204
    assert (await rest.http.get(f"/v1/captures/{session}")).status_code == 404


async def test_a_client_that_vanishes_does_not_leave_a_capture_behind(
    rest: Rest, traffic: Traffic
) -> None:
    started = await rest.start_running(filter=traffic.filter, idle_seconds=2)
    async with Viewer(started["session"], started["stream"]) as viewer:
        await viewer.begin()
        traffic.send(10)
        await viewer.has(10)
        # Watched for longer than its lease, it goes on.
        seen = len(viewer.of("status"))
        await until(lambda: len(viewer.of("status")) >= seen + 4)
        assert (await rest.task(started["task_id"]))["state"] == "running"
    ended = await rest.ended(started["task_id"])
    assert ended["stop_reason"] == "no-viewer"
    _closes(ended["ledger"], captured=10)


async def test_nobody_watches_without_a_ticket_for_that_session(rest: Rest) -> None:
    started = await rest.start("lo", filter="udp port 9")
    other = {**started["stream"], "ticket": "forged"}
    async with Viewer(started["session"], other) as viewer:
        assert await viewer.closed() == 4401
    async with Viewer("host-1.lo.20200101000000", started["stream"]) as viewer:
        assert await viewer.closed() == 4401
    await rest.stop(started["session"])
    await rest.ended(started["task_id"])


async def _stored(rest: Rest, session: str, packets: int) -> None:
    async def stored() -> bool:
        ledger = (await rest.capture(session))["ledger"]
        return bool(ledger["stored"] >= packets)

    await until(stored)


def _closes(ledger: dict[str, int], captured: int) -> None:
    assert ledger["captured"] == captured
    taken = ledger["captured"] + ledger["dropped_kernel"] + ledger["beyond_limit"]
    assert ledger["seen"] == taken
    assert ledger["captured"] == ledger["stored"] + ledger["dropped_agent"]
