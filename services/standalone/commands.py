"""The commands that run services: one for each, and `up` for all four in one process; and the one
that looks whether they can run.

What a service needs is imported when it runs: `capflow ls` must not wait for it.
"""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

import click

from services.client.commands.listing import SERVE, SET_UP, Listed, listed
from services.standalone.services import SERVICES, Service

UP = "Run everything in one process on this machine: no server to install."
DOCTOR = "Look at all that Capflow needs, and say what to do."


def settings_of(services: Iterable[Service]) -> list[tuple[str, str, str]]:
    """The settings of some services, each once: variable, default, meaning.

    Where several have one, the meaning is that of the service it is named for, or of the first.
    """
    settings = import_module("services.runtime.settings")
    chosen: dict[str, tuple[str, str, str]] = {}
    for service in services:
        for row in settings.describe(service.settings_class()):
            if row[0] not in chosen or row[0].startswith(settings.variable(service.name) + "_"):
                chosen[row[0]] = row
    return list(chosen.values())


class ServiceCommand(click.Command):
    """A command whose help lists the settings of what it runs."""

    def __init__(self, *args: Any, services: tuple[Service, ...], **more: Any) -> None:
        super().__init__(*args, **more)
        self._services = services

    def format_epilog(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """An example, and the environment variables."""
        with formatter.section("Example"):
            formatter.write_text(_example(self.name or "", self._services))
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


def _example(name: str, services: tuple[Service, ...]) -> str:
    if len(services) > 1:
        return f"CAPFLOW_DATA=/srv/capflow CAPFLOW_GATEWAY_PORT=9000 capflow {name}"
    return (
        "CAPFLOW_BUS_URL=amqp://… CAPFLOW_TASKS_URL=redis://… "
        f"CAPFLOW_ENDPOINTS=main=mongodb://… capflow {name}"
    )


def _run_service(service: Service) -> None:
    import_module("services.standalone.serving").run_service(service)


@click.command("up", cls=ServiceCommand, services=SERVICES, help=UP)
def up() -> None:
    """Run the four services in one process."""
    import_module("services.standalone.up").run_up()


def _listed(service: Service) -> Listed:
    return Listed(service.name, SERVE, service.does, lambda: service_command(service))


COMMANDS = (
    Listed("up", SET_UP, UP, lambda: up),
    listed("doctor", SET_UP, DOCTOR, "services.standalone"),
    *map(_listed, SERVICES),
)
