"""Whatever bytes arrive, they become the model of their type or an Undecodable with a reason."""

import json
import pickle
import zlib
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel

from contracts.commands import CommandReply, StartCapture, StopCapture
from contracts.keepalive import KeepAlive, Wanted
from contracts.task import TaskReport
from contracts.topology import (
    COMMAND_REPLY,
    KEEPALIVE_TYPE,
    START_CAPTURE,
    STOP_CAPTURE,
    TASK_REPORT,
    VERSION_HEADER,
    WANTED_TYPE,
)
from services.runtime.bus.codec import decode, encode
from services.runtime.bus.deadletter import dead_copy, dead_reason
from services.runtime.bus.limits import MAX_MESSAGE_BYTES
from services.runtime.bus.port import Incoming
from services.runtime.errors import Undecodable

MODELS: dict[str, type[BaseModel]] = {
    START_CAPTURE: StartCapture,
    STOP_CAPTURE: StopCapture,
    COMMAND_REPLY: CommandReply,
    KEEPALIVE_TYPE: KeepAlive,
    WANTED_TYPE: Wanted,
    TASK_REPORT: TaskReport,
}
START = Incoming(START_CAPTURE, b'{"resource":"host","service":"eth0"}', "id", "key")


def with_body(body: bytes) -> Incoming:
    return replace(START, body=body)


def test_a_message_comes_back_as_it_was_sent() -> None:
    sent = encode(START_CAPTURE, StartCapture(resource="host", service="eth0"), expiration=30.0)
    assert (sent.type, sent.expiration) == (START_CAPTURE, 30.0)
    assert decode(with_body(sent.body), MODELS) == StartCapture(resource="host", service="eth0")


def test_a_field_of_a_newer_version_is_ignored() -> None:
    newer = with_body(b'{"resource":"host","service":"eth0","newer":{"a":[1]}}')
    assert decode(newer, MODELS) == decode(START, MODELS)


def test_a_message_without_a_version_is_of_version_one() -> None:
    assert decode(START, MODELS) == decode(replace(START, headers={VERSION_HEADER: 1}), MODELS)


@pytest.mark.parametrize("version", [2, "1", True, None, b"1", [1], {"1": 1}])
def test_an_unknown_version_is_refused(version: object) -> None:
    with pytest.raises(Undecodable, match="unknown version"):
        decode(replace(START, headers={VERSION_HEADER: version}), MODELS)


@pytest.mark.parametrize("type", ["", "capture.pause", "x" * 255, "\n\x1b[31m"])
def test_an_unknown_type_is_refused_with_those_that_are_known(type: str) -> None:
    with pytest.raises(Undecodable, match=r"unknown type .*known are capture\.start") as refusal:
        decode(replace(START, type=type), MODELS)
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "EOF"),
        (b"{", "EOF"),
        (b"\xff\xfe", "JSON"),
        (b"[]", "object"),
        (b"null", "object"),
        (b"{}", "resource: Field required; service: Field required"),
        (b'{"resource":"UP","service":"eth0"}', "resource: "),
        (b'{"resource":"host","service":{"$gt":""}}', "service: "),
        (b'{"resource":"host","service":"eth0","limits":{"seconds":NaN}}', "limits.seconds: "),
        (b'{"resource":"host","service":"eth0","limits":{"seconds":1e400}}', "limits.seconds: "),
        (b'{"resource":"host","service":"eth0","filter":"\\u0000"}', "filter: "),
        (b"[" * 10_000 + b"]" * 10_000, "recursion"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "recursion"),
        (b'{"resource":"host","service":"eth0","x":' + b"[" * 500 + b"]" * 500 + b"}", "recursion"),
        (pickle.dumps({"resource": "host"}), "JSON"),
        (zlib.compress(b"0" * 1_000_000), "JSON"),
        (b'{"resource":"host","service":"eth0","filter":"' + b"x" * 2000 + b'"}', "filter: "),
        (b" " * (MAX_MESSAGE_BYTES + 1), "bytes, more than"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_place_and_the_reason(
    body: bytes, reason: str
) -> None:
    with pytest.raises(Undecodable) as refusal:
        decode(with_body(body), MODELS)
    assert reason in str(refusal.value)
    assert len(str(refusal.value)) < 500


def test_a_reason_does_not_repeat_what_was_sent() -> None:
    with pytest.raises(Undecodable) as refusal:
        decode(with_body(b'{"resource":"host","service":"SECRET"}'), MODELS)
    assert "SECRET" not in str(refusal.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(
    type=st.sampled_from([*MODELS, "unknown"]) | st.text(),
    body=st.binary() | json_values.map(lambda value: json.dumps(value).encode()),
    headers=st.dictionaries(st.text(), json_values),
)
@example(type=START_CAPTURE, body=b"[" * 100_000, headers={})
@example(type=START_CAPTURE, body=b'{"resource":"\\ud800","service":"eth0"}', headers={})
@example(type=START_CAPTURE, body=b'{"snaplen":' + b"9" * 10_000 + b"}", headers={})
@example(type="\ud800", body=b"{}", headers={"\ud800": "\ud800", "x": "y" * 100_000})
def test_arbitrary_messages_raise_nothing_but_undecodable(
    type: str, body: bytes, headers: dict[str, object]
) -> None:
    incoming = Incoming(type, body, "id", "key", headers=headers)
    try:
        decode(incoming, MODELS)
    except Undecodable as refusal:
        buried = dead_copy(incoming, "queue", str(refusal))
        assert len(buried.headers) <= 22
        assert dead_reason(replace(incoming, headers=buried.headers))


@given(
    fields=st.dictionaries(
        st.sampled_from(sorted(KeepAlive.model_fields) + sorted(StartCapture.model_fields)),
        json_values,
    ),
    type=st.sampled_from(sorted(MODELS)),
)
def test_arbitrary_fields_raise_nothing_but_undecodable(
    fields: dict[str, object], type: str
) -> None:
    try:
        decode(replace(START, type=type, body=json.dumps(fields).encode()), MODELS)
    except Undecodable:
        return
