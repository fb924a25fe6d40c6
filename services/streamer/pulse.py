"""The pulse: once a second every viewer is told its status, from one task for all."""

import asyncio

from services.streamer.hub import Hub

_INTERVAL = 1.0
_SLICE = 200
"""Viewers told before others have their turn."""


class Pulse:
    """Tells every viewer its status, and lets the hub look after its channels."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def run(self) -> None:
        """Tell until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + _INTERVAL, loop.time())
            await asyncio.sleep(due - loop.time())
            self._hub.tend(loop.time())
            for channel in list(self._hub.channels.values()):
                for index, member in enumerate(list(channel.members), 1):
                    member.tick()
                    if index % _SLICE == 0:
                        await asyncio.sleep(0)
