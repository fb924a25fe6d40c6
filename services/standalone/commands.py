"""The commands that run services: one for each, and `up` for all four in one process.

What a service needs is imported when it runs: `capflow ls` must not wait for it.
"""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

import click

from services.runtime.settings import describe, variable
from services.standalone.services import SERVICES, Service

UP = "Run everything in one process on this machine: no server to install."


def settings_of(services: Iterable[Service]) -> list[tuple[str, str, str]]:
    """The settings of some services, each once: variable, default, meaning.

    Where several have one, the meaning is that of the service it is named for, or of the first.
    """
    chosen: dict[str, tuple[str, str, str]] = {}
    for service in services:
        for row in describe(service.settings_class()):
            if row[0] not in chosen or row[0].startswith(variable(service.name) + "_"):
                chosen[row[0]] = row
    return list(chosen.values())


class ServiceCommand(click.Command):
    """A command whose help lists the settings of what it runs."""

    def __init__(self, *args: Any, services: tuple[Service, ...], **more: Any) -> None:
        super().__init__(*args, **more)
        self._services = services

    def format_epilog(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the environment variables."""
        formatter.width = max(formatter.width, 100)
        with formatter.section("Settings, by environment variable [default]"):
            rows = settings_of(self._services)
            formatter.write_dl([(name, f"{does} [{default}]") for name, default, does in rows])


def service_command(service: Service) -> click.Command:
    """The command that runs one service."""
    return ServiceCommand(
        service.name,
        services=(service,),
        help=service.does,
        callback=lambda: _run_service(service),
    )


def _run_service(service: Service) -> None:
    import_module("services.standalone.serving").run_service(service)


@click.command("up", cls=ServiceCommand, services=SERVICES, help=UP)
def up() -> None:
    """Run the four services in one process."""
    import_module("services.standalone.up").run_up()


COMMANDS = (up, *(service_command(service) for service in SERVICES))
