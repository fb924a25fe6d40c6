"""The task id of a start: chosen by the client, made of its Idempotency-Key, or new.

The dispatcher answers a task id it knows as it did before, and refuses one that comes back with
another order; so the same key twice is one capture, and with another body a refusal.
"""

from uuid import NAMESPACE_URL, UUID, uuid4, uuid5


def task_id_for(caller: str, idempotency_key: str | None, chosen: UUID | None) -> UUID:
    """The task id of a caller's start. ValueError where key and chosen id say different things."""
    if idempotency_key is None:
        return chosen or uuid4()
    made = uuid5(NAMESPACE_URL, f"capflow:start:{caller}:{idempotency_key}")
    if chosen not in (None, made):
        raise ValueError("give either task_id or the header Idempotency-Key")
    return made
