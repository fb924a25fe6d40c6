"""What tests of the bus send, and a handler that keeps what it gets."""

from dataclasses import replace
from typing import Any

from services.runtime.bus.port import Incoming, Outgoing
from tests.support.wait import until


class Inbox(list[Incoming]):
    """A handler that keeps what it gets."""

    async def __call__(self, incoming: Incoming) -> None:
        """Keep a message."""
        self.append(incoming)

    async def first(self) -> Incoming:
        """The first message, once it is there."""
        await until(lambda: len(self) > 0)
        return self[0]

    @property
    def bodies(self) -> list[bytes]:
        """The bodies of the messages, in the order in which they came."""
        return [incoming.body for incoming in self]


def message(body: bytes = b"{}", **fields: Any) -> Outgoing:
    """A message of the type `test.type`."""
    return replace(Outgoing("test.type", body), **fields)
