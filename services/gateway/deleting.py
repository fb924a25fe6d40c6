"""Removing an ended capture: its packets, then its record."""

from services.gateway.gateway import Gateway
from services.gateway.problems import Refused
from services.gateway.roles import Caller
from services.gateway.taskreads import unknown_capture
from services.runtime import logs


async def delete_capture(gateway: Gateway, session: str, caller: Caller) -> None:
    """Remove a capture. Raises Refused where there is none or it has not ended.

    The record goes last: a removal that was broken off can be asked for again.
    """
    capture = await gateway.endpoints.first.session(session)
    if capture is None:
        raise unknown_capture(session)
    if not capture.state.ended:
        detail = f"{session} is {capture.state}; stop it first, and wait for its end"
        raise Refused("still-running", detail, session=session, task_id=capture.task_id)
    await gateway.store_of(capture).delete_blocks(session)
    await gateway.endpoints.first.delete_session(session)
    logs.get("gateway").info("capture deleted", session=session, by=caller.name)
