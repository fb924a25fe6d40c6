"""The contracts: names, orders, ledgers, messages, and the documents made of them."""

import json
import string
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from contracts import topology
from contracts.block import block_id
from contracts.commands import CommandReply, StartCapture, StopCapture, task_id_of
from contracts.jsonschema import BUS, FROM_STREAMER, TO_STREAMER
from contracts.ledger import Ledger
from contracts.names import fit_name, is_name, next_session_name, session_name
from contracts.order import Caps, EndpointRef, Limits, Order
from contracts.record import capture_of, resource_of
from contracts.rest import StartRequest
from contracts.stream import CLIENT_MESSAGE
from contracts.task import Capture, Task, TaskState
from scripts.write_contracts import FOLDER, documents

NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True)


def an_order(**changes: Any) -> Order:
    fields: dict[str, Any] = {
        "task_id": uuid4(),
        "session": "web-1.lo.20260102030405",
        "resource": "web-1",
        "service": "lo",
        "endpoint": EndpointRef(name="main", type="mongodb"),
        "requested_by": "ann",
        "requested_at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    }
    return Order(**fields | changes)


@given(st.text(max_size=80))
def test_every_text_can_be_made_to_fit_the_name_rule(text: str) -> None:
    assert is_name(fit_name(text))


@given(NAMES)
def test_a_name_fits_as_it_is(name: str) -> None:
    assert fit_name(name) == name


@pytest.mark.parametrize("text", ["", "-a", "a-", "A", "a.b", "a_b", "é", "a" * 64, "a\n", "../x"])
def test_what_is_no_name_is_refused(text: str) -> None:
    assert not is_name(text)
    with pytest.raises(ValidationError):
        StartCapture(resource=text, service="lo")


@given(NAMES, NAMES, st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1)))
def test_a_session_name_is_valid_and_moves_on_by_a_second(
    resource: str, service: str, at: datetime
) -> None:
    session = session_name(resource, service, at.replace(tzinfo=UTC))
    later = next_session_name(session)
    assert an_order(session=session).session < an_order(session=later).session


def test_a_session_is_named_as_the_flow_says() -> None:
    at = datetime(2026, 11, 23, 21, 4, 5, tzinfo=UTC)
    assert session_name("web-1", "eth0", at) == "web-1.eth0.20261123210405"
    assert next_session_name("a.b.20261231235959") == "a.b.20270101000000"


def test_limits_stay_within_the_caps() -> None:
    capped = Limits(seconds=10**6, packets=None).within(Caps(seconds=86_400, packets=5))
    assert capped == Limits(seconds=86_400, packets=5)
    assert Limits(packets=3).within(Caps(packets=5, bytes=7)) == Limits(packets=3, bytes=7)


@pytest.mark.parametrize("field", ["seconds", "packets", "bytes"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), 1.5, "x", 2**63])
def test_a_limit_must_be_a_positive_whole_number(field: str, value: object) -> None:
    with pytest.raises(ValidationError):
        Limits.model_validate({field: value})


def test_a_ledger_closes_when_both_sums_hold() -> None:
    assert Ledger().closes()
    assert Ledger(
        seen=10, captured=7, dropped_kernel=2, beyond_limit=1, dropped_agent=3, stored=4
    ).closes()
    assert not Ledger(seen=10, captured=9).closes()
    assert not Ledger(seen=9, captured=9, stored=8).closes()


def test_messages_ignore_what_they_do_not_know_and_requests_refuse_it() -> None:
    body = {"resource": "a", "service": "b", "surprise": 1}
    assert StartCapture.model_validate(body).service == "b"
    with pytest.raises(ValidationError, match="surprise"):
        StartRequest.model_validate(body)


def test_a_post_and_a_bus_command_have_the_same_fields_and_defaults() -> None:
    assert set(StartRequest.model_fields) == set(StartCapture.model_fields)
    rest = StartRequest(resource="a", service="b").model_dump()
    assert rest == StartCapture(resource="a", service="b").model_dump()


def test_a_stop_names_either_a_session_or_a_task() -> None:
    with pytest.raises(ValidationError):
        StopCapture()
    with pytest.raises(ValidationError):
        StopCapture(session="a.b.20260101000000", task_id=uuid4())
    assert StopCapture(task_id=uuid4()).session is None


def test_a_command_without_a_task_id_takes_its_message_id() -> None:
    one = uuid4()
    assert task_id_of(str(one)) == one
    assert task_id_of("order-17") == task_id_of("order-17")
    assert isinstance(task_id_of(""), UUID)


def test_a_capture_is_an_order_and_a_task() -> None:
    order = an_order()
    capture = Capture.of(order)
    assert capture.order() == order
    assert capture.state is TaskState.REQUESTED
    assert set(capture.task().model_dump()) == set(Task.model_fields)


def test_the_services_filter_and_snap_length_hold_beside_those_asked_for() -> None:
    asked = Capture.of(an_order()).model_copy(update={"filter": "udp or tcp", "snaplen": 96})
    assert (asked.filter_in_force, asked.snaplen_in_force) == ("udp or tcp", 96)
    both = asked.model_copy(update={"service_filter": "port 53", "service_snaplen": 64})
    assert (both.filter_in_force, both.snaplen_in_force) == ("(port 53) and (udp or tcp)", 64)
    own = both.model_copy(update={"filter": " ", "snaplen": None})
    assert (own.filter_in_force, own.snaplen_in_force) == ("port 53", 64)
    none = Capture.of(an_order()).model_copy(update={"filter": "", "snaplen": None})
    assert (none.filter_in_force, none.snaplen_in_force) == ("", None)


def test_times_are_written_in_utc() -> None:
    body = json.loads(Capture.of(an_order()).model_dump_json())
    assert body["requested_at"] == "2026-01-02T03:04:05Z"


def test_the_record_of_a_task_is_read_with_its_newest_state_and_ledger() -> None:
    record = {
        b"capture": Capture.of(an_order()).model_dump_json().encode(),
        b"state": b"running",
        b"ledger": b'{"seen": 3, "captured": 3}',
    }
    capture = capture_of(record)
    assert (capture.state, capture.ledger.seen) == (TaskState.RUNNING, 3)


def test_an_agent_not_heard_of_for_three_intervals_is_offline() -> None:
    record = {
        b"seen_ms": b"1000000",
        b"interval": b"5.0",
        b"version": b"1",
        b"services": b'[{"service": "lo", "interface": "lo"}]',
    }
    assert resource_of("a", record, [], 1_015_000).online
    assert not resource_of("a", record, [], 1_015_001).online


def test_the_name_of_a_block_sorts_by_its_number() -> None:
    assert block_id("s", 9) < block_id("s", 10) < block_id("s", 10**9)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(string.printable),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def _fields(model: type[BaseModel]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({}, optional=dict.fromkeys(model.model_fields, JSON))


@given(st.data())
def test_no_body_makes_a_message_raise_anything_but_a_validation_error(data: st.DataObject) -> None:
    model = data.draw(st.sampled_from([*BUS.values(), *TO_STREAMER.values(), StartRequest]))
    try:
        model.model_validate(data.draw(JSON | _fields(model)))
    except ValidationError:
        return


@given(st.binary() | st.text() | JSON.map(json.dumps))
def test_no_frame_makes_the_stream_raise_anything_but_a_validation_error(frame: Any) -> None:
    try:
        CLIENT_MESSAGE.validate_json(frame)
    except ValidationError:
        return


def test_schemas_and_asyncapi_are_current() -> None:
    expected = documents()
    stale = [path.name for path, text in expected.items() if _read(path) != text]
    assert not stale, f"run `make contracts`: {stale}"
    on_disk = {*(FOLDER / "schemas").glob("*.json"), FOLDER / "asyncapi.json"}
    assert on_disk == set(expected)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = json.loads(_read(FOLDER / "asyncapi.json"))
    references = list(_references(document))
    assert references
    for reference in references:
        if reference.startswith("./"):
            assert (FOLDER / reference).exists(), reference
            continue
        here = document
        for step in reference.removeprefix("#/").split("/"):
            here = here[step]


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def test_every_message_of_the_bus_stands_in_the_asyncapi_document() -> None:
    messages = json.loads(_read(FOLDER / "asyncapi.json"))["components"]["messages"]
    assert set(BUS) <= set(messages)
    assert len(messages) == len(BUS) + len(TO_STREAMER) + len(FROM_STREAMER)


def test_the_keys_and_routes_are_the_designs() -> None:
    assert topology.task_key("x") == "capflow:task:x"
    assert topology.running_key("a", "b") == "capflow:running:a.b"
    assert topology.start_key("a", "b") == "capture.start.a.b"
    assert topology.event_key("running", "a", "b") == "task.running.a.b"
    assert topology.gateway_events_queue("g").name == "capflow.gateway.g.events"
    assert CommandReply(accepted=True).model_dump()["error"] is None
