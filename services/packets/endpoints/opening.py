"""Opening the endpoints that the settings name.

The library for MongoDB is loaded where it is used: one process alone starts without it.
"""

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module

from contracts.order import EndpointRef
from services.packets.endpoints.port import PacketStore
from services.packets.endpoints.setting import EndpointSetting
from services.packets.endpoints.sqlite import SqliteStore
from services.packets.endpoints.sqlite_file import open_file
from services.runtime.errors import BadSetting


class Endpoints:
    """The open endpoints by name; the first one also has the records of captures."""

    def __init__(self, stores: Mapping[str, PacketStore]) -> None:
        self._stores = dict(stores)
        self.first_name = next(iter(self._stores))

    @property
    def first(self) -> PacketStore:
        """The default endpoint."""
        return self._stores[self.first_name]

    def get(self, name: str) -> PacketStore:
        """The endpoint called `name`. Raises KeyError."""
        return self._stores[name]

    def ref(self, name: str | None = None) -> EndpointRef:
        """How an order names an endpoint, or the default one. Raises KeyError."""
        chosen = name if name is not None else self.first_name
        return EndpointRef(name=chosen, type=self._stores[chosen].type)

    def items(self) -> Iterator[tuple[str, PacketStore]]:
        """Names and endpoints."""
        return iter(self._stores.items())

    async def close(self) -> None:
        """Close them all."""
        for store in self._stores.values():
            await store.close()


async def open_endpoints(settings: Iterable[EndpointSetting]) -> Endpoints:
    """Open the endpoints; a MongoDB is connected to when it is first used.

    Raises BadSetting where an address or a file cannot be used."""
    stores: dict[str, PacketStore] = {}
    try:
        for setting in settings:
            stores[setting.name] = await _open(setting)
    except BaseException:
        for store in stores.values():
            await store.close()
        raise
    return Endpoints(stores)


async def _open(setting: EndpointSetting) -> PacketStore:
    if setting.type == "sqlite":
        return SqliteStore(await open_file(setting.path))
    try:
        return _mongodb(setting.url)
    except BadSetting as error:
        raise BadSetting(f"CAPFLOW_ENDPOINTS: {setting.name!r}: {error}") from None


def _mongodb(url: str) -> PacketStore:
    mongo = import_module("services.runtime.mongo").Mongo(url)
    store: PacketStore = import_module("services.packets.endpoints.mongodb").MongoStore(mongo)
    return store
