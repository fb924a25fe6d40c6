"""What a viewer says and understands, without a connection."""

import json
from typing import Any

import pytest

from services.client.conversation import Blocks, Conversation, Event, Header, Wish
from services.client.errors import ViewerRefused
from tests.support.stub_capflow import HEADER, SESSION, block, capture, packet


def said(conversation: Conversation, **message: Any) -> Event | None:
    return conversation.take(json.dumps(message))


def packets(first: int, next: int, **more: Any) -> dict[str, Any]:
    return {"type": "packets", "session": SESSION, "first": first, "next": next, **more}


def asked_from(conversation: Conversation) -> Any:
    return json.loads(conversation.start())["from"]


def test_a_viewer_begins_where_it_was_told_to() -> None:
    for start in ("live", "beginning", 7):
        assert asked_from(Conversation(SESSION, Wish(start=start))) == start


def test_a_viewer_goes_on_after_the_last_batch_it_got() -> None:
    talk = Conversation(SESSION, Wish())
    said(talk, type="started", session=SESSION, first=40)
    assert asked_from(talk) == 40
    said(talk, **packets(40, 55, packets=[packet(40)]))
    assert asked_from(talk) == 55


def test_a_gap_counts_as_told_and_a_kernel_drop_has_no_number() -> None:
    talk = Conversation(SESSION, Wish(start=5))
    said(talk, type="gap", first=5, count=10, reason="expired")
    said(talk, type="gap", count=99, reason="kernel-drop")
    assert asked_from(talk) == 15


def test_a_second_started_does_not_jump_over_a_gap_that_was_not_told_yet() -> None:
    talk = Conversation(SESSION, Wish(start="beginning"))
    said(talk, **packets(0, 10, packets=[]))
    said(talk, type="started", session=SESSION, first=30)
    assert asked_from(talk) == 10


def test_announced_blocks_count_only_when_they_have_come() -> None:
    talk = Conversation(SESSION, Wish(format="pcapng"))
    said(talk, type="started", session=SESSION, first=0)
    assert talk.take(HEADER) == Header(HEADER)
    assert said(talk, **packets(0, 2)) is None
    assert asked_from(talk) == 0
    assert talk.take(block(0) + block(1)) == Blocks(0, 2, block(0) + block(1))
    assert asked_from(talk) == 2


def test_blocks_announced_before_a_lost_connection_are_not_mistaken_for_the_next_header() -> None:
    talk = Conversation(SESSION, Wish(format="pcapng"))
    talk.hello("ticket")
    talk.take(HEADER)
    said(talk, **packets(0, 2))
    talk.hello("another ticket")
    assert talk.take(HEADER) is None, "the file has its header already"
    assert asked_from(talk) == "live"


def test_a_message_of_a_newer_streamer_is_passed_over() -> None:
    assert said(Conversation(SESSION, Wish()), type="weather", sky="blue") is None


def test_unknown_fields_are_passed_over() -> None:
    talk = Conversation(SESSION, Wish())
    event = said(talk, type="session", capture=capture(mood="good"), more=1)
    assert event is not None


@pytest.mark.parametrize("frame", ["{", "[]", '{"type":"packets"}', '{"no":"type"}'])
def test_what_cannot_be_read_is_refused(frame: str) -> None:
    with pytest.raises(ViewerRefused):
        Conversation(SESSION, Wish()).take(frame)


def test_an_error_of_the_streamer_is_raised_with_its_words() -> None:
    with pytest.raises(ViewerRefused, match="no such field") as refused:
        said(Conversation(SESSION, Wish()), type="error", code="bad-filter", detail="no such field")
    assert refused.value.code == "bad-filter"
