"""All of it: looked at, printed, and told by the exit code."""

import asyncio
import sys
from collections.abc import Sequence

import click

from services.client.output import coloured, json_line
from services.packets.endpoints.setting import EndpointSettings
from services.runtime.errors import BadSetting
from services.runtime.escaping import escape
from services.runtime.settings import BusSettings, TasksSettings, load
from services.standalone.examining import folder, gateway, host, ports, servers, wireshark
from services.standalone.examining.finding import Examination, Finding, fail
from services.standalone.services import SERVICES

FAILED = 1
_COLOURS = {"ok": "green", "note": "cyan", "warn": "yellow", "fail": "red"}
_MARGIN = 6


def run(as_json: bool) -> None:
    """Look, print, end."""
    findings = asyncio.run(examine())
    failed = [each for each in findings if each.state == "fail"]
    if as_json:
        json_line(Examination(ok=not failed, checks=findings))
    else:
        _print(findings)
    sys.exit(FAILED if failed else 0)


async def examine() -> list[Finding]:
    """Everything; with settings that are wrong, these first, since the rest hangs on them."""
    wrong = _wrong_settings()
    found = host.examine()
    if wrong:
        return [*wrong, *found]
    endpoints = load(EndpointSettings).endpoint_settings()
    asked = await asyncio.gather(
        servers.bus(load(BusSettings).bus_url),
        servers.tasks(load(TasksSettings).tasks_url),
        *map(servers.endpoint, endpoints),
    )
    return [
        *found,
        *folder.examine(load(EndpointSettings).data_folder),
        *asked,
        *await ports.examine(),
        *await gateway.examine(),
        *await asyncio.to_thread(wireshark.examine),
    ]


def _wrong_settings() -> list[Finding]:
    lines: dict[str, None] = {}
    for service in SERVICES:
        try:
            load(service.settings_class())
        except BadSetting as error:
            lines |= dict.fromkeys(str(error).splitlines())
    return [
        fail("settings", line, "mend it, and look again: the rest hangs on it") for line in lines
    ]


def _print(findings: Sequence[Finding]) -> None:
    colour, width = coloured(sys.stdout), max(len(each.name) for each in findings)
    for each in findings:
        state = each.state.ljust(_MARGIN)
        mark = click.style(state, fg=_COLOURS[each.state]) if colour else state
        click.echo(f"{mark}{each.name:<{width}}  {escape(each.detail)}")
        if each.next_step:
            click.echo(f"{'':{_MARGIN + width}}  -> {escape(each.next_step)}")
    counts = {state: [f.state for f in findings].count(state) for state in ("warn", "fail")}
    click.echo(
        f"{counts['fail']} failed, {counts['warn']} to look at"
        if any(counts.values())
        else "All well."
    )
