"""The ports of `capflow up`, known before anything starts: tickets carry the streamer's."""

from collections.abc import Mapping
from contextlib import ExitStack

from services.runtime.http_server import listen
from services.runtime.settings import variable


def settle(host: str, asked: Mapping[str, int]) -> dict[str, int]:
    """Each port by its setting's name, with a free one in the place of each 0.

    Raises BadSetting for the first that is taken, so that nothing starts by halves.
    """
    with ExitStack() as held:  # held until all are found, so that no two are the same
        return {name: _settled(held, host, name, port) for name, port in asked.items()}


def _settled(held: ExitStack, host: str, name: str, port: int) -> int:
    listener = held.enter_context(listen(host, port, variable(name)))
    return int(listener.getsockname()[1])
