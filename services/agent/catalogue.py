"""The services of this agent, as they are now."""

import asyncio

from services.agent import interfaces
from services.agent.failures import CaptureFailed
from services.agent.services import Live, Recording, Service, demo_service, of_interfaces
from services.agent.services_file import line_of, read_services
from services.agent.settings import AgentSettings
from services.packets.capturefile import BadCaptureFile, open_capture
from services.packets.filters import FilterCompiler, FilterRefused
from services.packets.linktypes import ETHERNET
from services.runtime.errors import BadSetting


class Catalogue:
    """Those of the services file, or else every interface that is up; and the demo.

    Raises BadSetting where the file is wrong.
    """

    def __init__(self, settings: AgentSettings) -> None:
        self._file = settings.services
        self._named = None if self._file is None else read_services(self._file)

    def services(self) -> list[Service]:
        """What can be watched now."""
        if self._named is not None:
            return [*self._named, demo_service()]
        return [*of_interfaces(interfaces.interfaces_up()), demo_service()]

    async def check(self, compiler: FilterCompiler) -> None:
        """Compile the file's filters and open its recordings, so that mistakes show at the start.

        Raises BadSetting."""
        for service in self._named or []:
            await self._check_filter(service, compiler)
            await asyncio.to_thread(self._check_recording, service)

    async def _check_filter(self, service: Service, compiler: FilterCompiler) -> None:
        try:
            await compiler.compile(service.filter, _linktype(service))
        except FilterRefused as refused:
            rule = f"`filter`: {refused}"
            raise await asyncio.to_thread(self._mistake, service, "filter", rule) from None

    def _check_recording(self, service: Service) -> None:
        if not isinstance(service.origin, Recording):
            return
        try:
            with open_capture(service.origin.file) as packets:
                next(packets, None)
        except BadCaptureFile as error:
            raise self._mistake(service, "replay", f"`replay`: {error}") from None

    def _mistake(self, service: Service, key: str, rule: str) -> BadSetting:
        assert self._file is not None
        line = line_of(self._file.read_text(encoding="utf-8"), service.name, key)
        where = f"{self._file}, line {line}: service {service.name!r}"
        return BadSetting(f"CAPFLOW_SERVICES: {where}: {rule}")


def _linktype(service: Service) -> int:
    """What an interface's frames are, where it is there already."""
    if not isinstance(service.origin, Live):
        return ETHERNET
    try:
        return interfaces.linktype(service.origin.interface)
    except CaptureFailed:
        return ETHERNET
