"""The one publish wrapper: what it makes of a connection that goes while something is sent."""

from typing import Any

import pytest
from aiormq.exceptions import ChannelInvalidStateError

from services.runtime.bus.port import Outgoing
from services.runtime.bus.properties import Sender
from services.runtime.bus.publishing import Envelope, Publisher


class Connection:
    """One that the broker has not blocked."""

    async def ready(self) -> None:
        """It is."""


class Channel:
    """Fails as it is told, and then sends."""

    def __init__(self, *failures: BaseException) -> None:
        self.connection = Connection()
        self.failures = list(failures)
        self.ids: list[str] = []

    async def basic_publish(self, body: bytes, *, properties: Any, **_: Any) -> None:
        self.ids.append(properties.message_id)
        if self.failures:
            raise self.failures.pop(0)


class Kept:
    """A channel that is always there again."""

    def __init__(self, channel: Channel) -> None:
        self.current = channel

    async def opened(self) -> Channel:
        return self.current

    def drop_connection(self) -> None:
        """Nothing to drop."""


def _publisher(channel: Channel) -> Publisher:
    kept: Any = Kept(channel)
    return Publisher(kept, Sender("agent", None))


ENVELOPE = Envelope("capflow.events", "key", Outgoing("task.report", b"{}"), mandatory=False)


@pytest.mark.parametrize(
    "failure", [Exception(), ConnectionResetError(), ChannelInvalidStateError()], ids=repr
)
async def test_what_was_being_sent_when_the_connection_went_is_sent_again(
    failure: BaseException,
) -> None:
    channel = Channel(failure)
    await _publisher(channel).publish(ENVELOPE)
    assert channel.ids == [ENVELOPE.message.message_id] * 2


async def test_a_mistake_of_ours_is_no_lost_connection() -> None:
    channel = Channel(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await _publisher(channel).publish(ENVELOPE)
    assert len(channel.ids) == 1
