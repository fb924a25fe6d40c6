"""Blocks as documents: what is written is read, and nothing else is believed."""

from contextlib import suppress
from datetime import UTC, datetime

import bson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contracts.block import Block
from services.packets.endpoints.documents import (
    block_document,
    block_of,
    capture_document,
    capture_of,
)
from services.packets.endpoints.paging import cursor_after, place_of
from services.packets.endpoints.plausible import MAX_JUMP, fault_of, jumps
from services.runtime.errors import Undecodable
from tests.support.captures import block, capture, ended, session_at

NOW = datetime(2026, 11, 23, tzinfo=UTC)
big = st.integers(-(2**63), 2**63 - 1)
values = st.none() | st.booleans() | big | st.floats() | st.text() | st.binary(max_size=50)
anything = st.recursive(
    values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
blocks = st.builds(
    Block,
    session=st.just(session_at(0)),
    block=st.integers(0, 10**10 - 1),
    first=st.integers(10**10, 2**53 - 1),
    count=st.integers(1, 32_768),
    first_ts=st.integers(0, 2**63 - 1),
    last_ts=st.integers(0, 2**63 - 1),
    size=st.integers(0, 2**63 - 1),
    dropped=st.integers(0, 2**63 - 1),
    data=st.binary(max_size=100),
)


@given(blocks)
def test_a_block_survives_its_document(one: Block) -> None:
    assert fault_of(one) is None
    assert block_of(bson.decode(bson.encode(block_document(one, NOW)))) == one


@given(st.dictionaries(st.sampled_from(sorted(block_document(block("a", 0), NOW))), anything))
def test_whatever_stands_in_a_document_is_a_block_or_undecodable(
    changes: dict[str, object],
) -> None:
    document = block_document(block(session_at(0), 1), NOW) | changes
    with suppress(Undecodable):
        assert fault_of(block_of(document)) is None


@given(st.dictionaries(st.text(max_size=10), anything))
def test_any_document_at_all_is_a_block_or_undecodable(document: dict[str, object]) -> None:
    with pytest.raises(Undecodable):
        block_of(document)


def test_a_jump_is_unbelievable_from_a_thousand_million_on() -> None:
    assert not jumps(block("a", 1, first=MAX_JUMP + 9), expected=10)
    assert jumps(block("a", 1, first=MAX_JUMP + 10), expected=10)
    assert not jumps(block("a", 1, first=0), expected=10)


def test_a_capture_survives_its_document() -> None:
    for one in (capture(0), ended(capture(0), 5, 2**40)):
        assert capture_of(capture_document(one, "digest")) == one


def test_a_record_that_is_none_is_undecodable() -> None:
    with pytest.raises(Undecodable):
        capture_of({"_id": "x", "state": "dreaming"})


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_cursor_names_its_place(at: datetime) -> None:
    one = capture(0).model_copy(update={"requested_at": at})
    assert place_of(cursor_after(one)).session == one.session


@given(st.text(max_size=30))
@example("\ud800")
@example("\xb2")
def test_any_text_is_a_cursor_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        place_of(text)
