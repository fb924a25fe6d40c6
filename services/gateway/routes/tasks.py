"""Tasks: the orders that make captures happen."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from contracts.model import Request
from contracts.task import Task
from services.gateway import examples
from services.gateway.gateway import Here
from services.gateway.openapi import answer, problems
from services.gateway.rights import Viewer
from services.gateway.waiting import LONGEST_WAIT

router = APIRouter(prefix="/v1/tasks", tags=["tasks"])


class TaskQuery(Request):
    """How long to wait."""

    wait: Annotated[float, Field(ge=0, le=LONGEST_WAIT)] = 0
    """Seconds to hold the answer back while the task is `requested`."""


@router.get(
    "/{task_id}",
    summary="Read a task, or wait for its result",
    responses=answer(200, "The task", examples.TASK) | problems("unknown-task", "invalid-request"),
)
async def read_task(
    gateway: Here, _: Viewer, task_id: UUID, query: Annotated[TaskQuery, Query()]
) -> Task:
    """With `wait`, the answer comes as soon as the state is no longer `requested`."""
    return await gateway.waiting.settled(task_id, query.wait)
