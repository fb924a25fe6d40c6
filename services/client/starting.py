"""Asking for a capture, and waiting until it runs."""

from typing import Any

from pydantic import ValidationError

from contracts.rest import LimitsRequest, StartAnswer, StartRequest
from contracts.task import Task, TaskState
from services.client.api import Gateway
from services.client.errors import NotRunning
from services.client.ledger_text import end_line
from services.runtime.errors import BadSetting

PATIENCE = 30
"""Seconds after which a capture that does not run has failed."""


def start_request(asked: dict[str, Any]) -> StartRequest:
    """The request of a command's options; what was not given is left to the contract's defaults.

    Raises BadSetting with the options' names."""
    given = {name: value for name, value in asked.items() if value is not None}
    limits = {name: given.pop(name) for name in LimitsRequest.model_fields if name in given}
    try:
        return StartRequest.model_validate({**given, "limits": limits})
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False)
        where = [".".join(map(str, problem["loc"])) for problem in problems]
        lines = [f"{name}: {problem['msg']}" for name, problem in zip(where, problems, strict=True)]
        raise BadSetting("\n".join(lines)) from None


async def runs(gateway: Gateway, answer: StartAnswer) -> Task:
    """The task once it runs, or has ended already. Raises NotRunning with the reason."""
    task = await gateway.task(answer.task_id, wait=PATIENCE)
    if task.state is TaskState.FAILED:
        raise NotRunning(f"{answer.session} {end_line(task)}")
    if task.state is TaskState.REQUESTED:
        raise NotRunning(
            f"{answer.session} does not run after {PATIENCE} s",
            f"its agent may be away: `capflow resources {task.resource}` tells",
        )
    return task
