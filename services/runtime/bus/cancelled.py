"""Tell a cancellation of ours from one that a library lets through."""

import asyncio


def cancelled_by_others() -> bool:
    """Whether nobody cancelled this task, though it has just caught a CancelledError.

    The AMQP library rejects what waits on a lost connection with CancelledError; unless that is
    made an error of its own, a task ends by it without a word.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() == 0
