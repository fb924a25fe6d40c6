"""Every call once, as a client sees it."""

from datetime import UTC, datetime

from contracts.ledger import Ledger
from contracts.order import Caps
from contracts.task import TaskState
from contracts.topology import CAPS_KEY
from services.runtime.tickets import Tickets
from tests.gateway.world import TICKET_SECRET, World


async def test_a_start_is_answered_with_task_session_limits_and_a_ticket(gateway: World) -> None:
    answer = await gateway.http.post(
        "/v1/captures",
        json={"resource": "web-1", "service": "eth0", "filter": "tcp port 80", "snaplen": 128},
    )
    assert answer.status_code == 202, answer.text
    started = answer.json()
    assert answer.headers["location"] == f"/v1/tasks/{started['task_id']}"
    assert started["session"].startswith("web-1.eth0.")
    assert started["limits"] == {"seconds": 60, "packets": None, "bytes": 1 << 30}
    assert started["stream"]["url"] == "ws://stream.test:8081/v1/stream"
    ticket = started["stream"]["ticket"]
    assert Tickets(TICKET_SECRET).verify(ticket, started["session"]) == "admin"
    expires = datetime.fromisoformat(started["stream"]["expires_at"])
    assert 0 < (expires - datetime.now(UTC)).total_seconds() <= 300

    task = (await gateway.http.get(answer.headers["location"])).json()
    assert task["state"] == "requested"
    assert task["requested_by"] == "admin"
    assert "filter" not in task
    capture = (await gateway.http.get(f"/v1/captures/{started['session']}")).json()
    assert (capture["filter"], capture["snaplen"]) == ("tcp port 80", 128)


async def test_a_second_start_is_refused_with_the_running_session(gateway: World) -> None:
    first = await gateway.start()
    answer = await gateway.http.post("/v1/captures", json={"resource": "web-1", "service": "eth0"})
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"].endswith("/already-running")
    assert problem["code"] == "already-running"
    assert (problem["session"], problem["task_id"]) == (first["session"], first["task_id"])


async def test_a_capture_is_stopped_listed_and_deleted(gateway: World) -> None:
    started = await gateway.start()
    session = started["session"]
    await gateway.dispatcher.becomes(started["task_id"], TaskState.RUNNING)

    early = await gateway.http.delete(f"/v1/captures/{session}")
    assert (early.status_code, early.json()["code"]) == (409, "still-running")

    for _ in range(2):
        stopped = await gateway.http.post(f"/v1/captures/{session}/stop")
        assert stopped.status_code == 202, stopped.text
        assert stopped.json()["state"] == "stopping"
        assert stopped.headers["location"] == f"/v1/tasks/{started['task_id']}"
    await gateway.dispatcher.ends(started["task_id"], ledger=Ledger(seen=3, captured=3, stored=3))
    assert (await gateway.http.post(f"/v1/captures/{session}/stop")).json()["state"] == "stopped"

    capture = (await gateway.http.get(f"/v1/captures/{session}")).json()
    assert (capture["state"], capture["stop_reason"]) == ("stopped", "requested")
    assert capture["ledger"]["stored"] == 3
    listed = (await gateway.http.get("/v1/captures", params={"state": "stopped"})).json()
    assert [item["session"] for item in listed["items"]] == [session]
    assert listed["next_cursor"] is None
    assert (await gateway.http.get("/v1/captures?state=running")).json()["items"] == []

    gone = await gateway.http.delete(f"/v1/captures/{session}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert (await gateway.http.get(f"/v1/captures/{session}")).status_code == 404
    assert (await gateway.http.delete(f"/v1/captures/{session}")).status_code == 404


async def test_a_live_capture_is_shown_with_the_ledger_of_the_task_store(gateway: World) -> None:
    started = await gateway.start()
    await gateway.dispatcher.becomes(started["task_id"], TaskState.RUNNING)
    key = f"capflow:task:{started['task_id']}"
    await gateway.tasks.hset(key, "ledger", Ledger(seen=9, captured=9, stored=8).model_dump_json())
    one = (await gateway.http.get(f"/v1/captures/{started['session']}")).json()
    listed = (await gateway.http.get("/v1/captures")).json()["items"]
    task = (await gateway.http.get(f"/v1/tasks/{started['task_id']}")).json()
    assert [one["ledger"]["stored"], listed[0]["ledger"]["stored"], task["ledger"]["stored"]] == [
        8,
        8,
        8,
    ]


async def test_a_task_is_found_in_the_record_when_the_task_store_forgot_it(gateway: World) -> None:
    started = await gateway.start()
    await gateway.dispatcher.ends(started["task_id"])
    await gateway.tasks.delete(f"capflow:task:{started['task_id']}")
    task = (await gateway.http.get(f"/v1/tasks/{started['task_id']}")).json()
    assert (task["state"], task["stop_reason"]) == ("stopped", "requested")


async def test_a_fresh_ticket_is_for_that_session_and_caller(gateway: World) -> None:
    session = (await gateway.start())["session"]
    answer = await gateway.http.post(f"/v1/captures/{session}/ticket")
    assert answer.status_code == 200
    assert set(answer.json()) == {"url", "ticket", "expires_at"}
    assert Tickets(TICKET_SECRET).verify(answer.json()["ticket"], session) == "admin"


async def test_resources_are_listed_with_services_and_what_runs(gateway: World) -> None:
    await gateway.dispatcher.resource("web-1", "eth0", "eth1")
    await gateway.dispatcher.resource("db-1", "lo", online=False)
    started = await gateway.start()
    page = (await gateway.http.get("/v1/resources")).json()
    assert [(item["resource"], item["online"]) for item in page["items"]] == [
        ("db-1", False),
        ("web-1", True),
    ]
    web = (await gateway.http.get("/v1/resources/web-1")).json()
    assert web == page["items"][1]
    assert web["running"] == [started["task_id"]]
    assert [each["service"] for each in web["services"]] == ["eth0", "eth1"]
    assert (await gateway.http.get("/v1/resources/app-1")).json()["code"] == "unknown-resource"


async def test_a_refused_second_agent_is_shown(gateway: World) -> None:
    other = "00000000-0000-4000-8000-000000000001"
    await gateway.dispatcher.resource(
        "web-1", "eth0", conflict_id=other, conflict_ms="1795384502000"
    )
    conflict = (await gateway.http.get("/v1/resources/web-1")).json()["conflict"]
    assert conflict["agent_id"] == other


async def test_a_resource_that_is_only_remembered_by_name_is_offline(gateway: World) -> None:
    await gateway.dispatcher.resource("web-1", "eth0")
    await gateway.tasks.delete("capflow:agent:web-1")
    web = (await gateway.http.get("/v1/resources/web-1")).json()
    assert (web["online"], web["services"]) == (False, [])


async def test_resources_come_a_page_at_a_time(gateway: World) -> None:
    names = [f"host-{number}" for number in range(5)]
    for name in names:
        await gateway.dispatcher.resource(name)
    seen: list[str] = []
    cursor = None
    while True:
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await gateway.http.get("/v1/resources", params=query)).json()
        seen += [item["resource"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == names


async def test_captures_come_a_page_at_a_time_newest_first(gateway: World) -> None:
    sessions = [(await gateway.start(service=f"eth{number}"))["session"] for number in range(3)]
    first = (await gateway.http.get("/v1/captures", params={"limit": 2})).json()
    rest = (
        await gateway.http.get("/v1/captures", params={"limit": 2, "cursor": first["next_cursor"]})
    ).json()
    listed = [item["session"] for item in first["items"] + rest["items"]]
    assert sorted(listed) == sorted(sessions)
    assert rest["next_cursor"] is None
    only = (await gateway.http.get("/v1/captures", params={"service": "eth1"})).json()
    assert [item["service"] for item in only["items"]] == ["eth1"]


async def test_the_commands_carry_who_asked_and_expire(gateway: World) -> None:
    await gateway.start()
    command = gateway.dispatcher.commands[0]
    assert command.type == "capture.start"
    assert command.routing_key == "capture.start.web-1.eth0"
    assert command.headers["requested-by"] == "admin"


async def test_limits_are_the_defaults_and_the_operators_caps(embedded: World) -> None:
    answer = (await embedded.http.get("/v1/limits")).json()
    assert answer["default"] == {"seconds": 600, "packets": None, "bytes": 1 << 30}
    assert answer["caps"] is None  # no dispatcher has told them
    await embedded.tasks.set(CAPS_KEY, Caps(seconds=60).model_dump_json(), px=60_000)
    answer = (await embedded.http.get("/v1/limits")).json()
    assert answer["caps"] == {"seconds": 60, "packets": None, "bytes": None}
