"""Opening the endpoints that the settings name."""

from collections.abc import Iterable, Iterator, Mapping

from contracts.order import EndpointRef
from services.packets.endpoints.mongodb import MongoStore
from services.packets.endpoints.port import PacketStore
from services.packets.endpoints.setting import EndpointSetting
from services.packets.endpoints.sqlite import SqliteStore
from services.packets.endpoints.sqlite_file import open_file
from services.runtime.errors import BadSetting
from services.runtime.mongo import Mongo


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
        return MongoStore(Mongo(setting.url))
    except BadSetting as error:
        raise BadSetting(f"CAPFLOW_ENDPOINTS: {setting.name!r}: {error}") from None
