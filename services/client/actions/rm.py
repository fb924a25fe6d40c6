"""What `capflow rm` does."""

import json
from collections.abc import Sequence

import click

from contracts.task import Capture
from services.client.actions.calling import FAILED, complain
from services.client.api import Gateway
from services.client.asking import sure
from services.client.errors import ApiError
from services.client.output import size


async def run(gateway: Gateway, sessions: Sequence[str], yes: bool, as_json: bool) -> None:
    """Remove what can be removed, and say why the rest was not."""
    named = list(dict.fromkeys(sessions))
    found = [capture for session in named if (capture := await _found(gateway, session))]
    if found:
        sure(f"Remove {_words(found)} for good?", yes)
    removed = [capture.session for capture in found if await _removed(gateway, capture, as_json)]
    if as_json:
        click.echo(json.dumps({"removed": removed}))
    if len(removed) < len(named):
        raise SystemExit(FAILED)


async def _found(gateway: Gateway, session: str) -> Capture | None:
    """The capture, if there is one that has ended."""
    try:
        capture = await gateway.capture(session)
    except ApiError as error:
        if error.problem.status not in (404, 422):
            raise
        complain(error)
        return None
    if capture.state.ended:
        return capture
    complain(f"{session} is {capture.state} and stays", f"`capflow stop {session}` first")
    return None


async def _removed(gateway: Gateway, capture: Capture, silent: bool) -> bool:
    try:
        await gateway.delete(capture.session)
    except ApiError as error:
        complain(error)
        return False
    if not silent:
        click.echo(f"removed {capture.session}")
    return True


def _words(captures: Sequence[Capture]) -> str:
    packets = sum(capture.ledger.stored for capture in captures)
    amount = size(sum(capture.ledger.bytes for capture in captures))
    what = captures[0].session if len(captures) == 1 else f"{len(captures)} captures"
    return f"{what} ({packets} packets, {amount})"
