"""`capflow start`: ask for a capture, and wait until it runs."""

from typing import Any
from uuid import UUID

import click
from pydantic import ValidationError

from contracts.order import DEFAULT_BYTES, DEFAULT_IDLE_SECONDS, DEFAULT_SECONDS
from contracts.rest import LimitsRequest, StartAnswer, StartRequest
from contracts.task import Task, TaskState
from services.client.api import Gateway
from services.client.commands.calling import calls_gateway, fail
from services.client.ledger_text import end_line
from services.client.output import invocation, json_line, note
from services.runtime.errors import BadSetting
from services.runtime.settings import parse_duration, parse_size

PATIENCE = 30
"""Seconds after which a capture that does not run has failed."""


class Quantity(click.ParamType[int]):
    """A number with a unit, as settings take it."""

    def __init__(self, name: str, parse: Any) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """The number in seconds or bytes."""
        try:
            return int(self._parse(str(value)))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.argument("resource")
@click.argument("service")
@click.option("-f", "--filter", default="", help="pcap-filter(7); narrows the service's own.")
@click.option("-s", "--snaplen", type=int, help="Bytes kept of each packet.")
@click.option(
    "--seconds",
    type=Quantity("duration", parse_duration),
    default=DEFAULT_SECONDS,
    show_default=True,
    help="End after this long, as 90, 5m or 2h.",
)
@click.option("--packets", type=int, help="End after so many packets.")
@click.option(
    "--bytes",
    type=Quantity("size", parse_size),
    default=DEFAULT_BYTES,
    show_default=True,
    help="End after so many bytes, as 4096 or 200MiB.",
)
@click.option("--endpoint", help="Where to store; by default the first endpoint.")
@click.option("--keep", is_flag=True, help="Go on when nobody watches.")
@click.option(
    "--idle-seconds",
    type=int,
    default=DEFAULT_IDLE_SECONDS,
    show_default=True,
    help="Without --keep: end when nobody has watched for so long.",
)
@click.option("--task-id", type=click.UUID, help="So that a repeated start happens once.")
@click.option("--no-wait", is_flag=True, help="Do not wait until it runs.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@calls_gateway
async def start(gateway: Gateway, no_wait: bool, as_json: bool, **asked: Any) -> None:
    """Start a capture of SERVICE on RESOURCE; prints its session."""
    answer = await gateway.start(_request(asked))
    if not no_wait:
        _check(await _outcome(gateway, answer.task_id), answer)
    if as_json:
        json_line(answer)
        return
    click.echo(answer.session)
    note(f"watch it: {invocation()} tail {answer.session}")
    note(f"end it:   {invocation()} stop {answer.session}")


def _request(asked: dict[str, Any]) -> StartRequest:
    limits = {name: asked.pop(name) for name in LimitsRequest.model_fields}
    try:
        return StartRequest.model_validate({**asked, "limits": limits})
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False)
        where = [".".join(map(str, problem["loc"])) for problem in problems]
        lines = [f"{name}: {problem['msg']}" for name, problem in zip(where, problems, strict=True)]
        raise BadSetting("\n".join(lines)) from None


async def _outcome(gateway: Gateway, task_id: UUID) -> Task:
    return await gateway.task(task_id, wait=PATIENCE)


def _check(task: Task, answer: StartAnswer) -> None:
    if task.state is TaskState.FAILED:
        fail(f"{answer.session} {end_line(task)}")
    if task.state is TaskState.REQUESTED:
        fail(
            f"{answer.session} does not run after {PATIENCE} s",
            f"its agent may be away: `capflow resources {task.resource}` tells",
        )
