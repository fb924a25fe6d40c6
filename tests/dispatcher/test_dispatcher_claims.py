"""Claims under contention, each on the task store itself."""

import asyncio
from collections import Counter
from uuid import uuid4

from services.dispatcher.footing import Footing
from services.dispatcher.taskstore import TaskStore
from services.runtime.redis import open_tasks
from tests.dispatcher.arena import Arena


async def test_two_dispatchers_with_a_thousand_claims_have_one_winner_each(world: Arena) -> None:
    clients = [world.tasks]
    if world.settings.tasks_url != "memory://":
        clients = [open_tasks(world.settings.tasks_url) for _ in range(2)]
    footing = Footing(world.bus, asyncio.get_running_loop().time)
    stores = [TaskStore(client, footing) for client in (clients[0], clients[-1])]
    services = [f"s{number}" for number in range(1000)]

    async def claim_all(store: TaskStore) -> dict[str, str]:
        won = {}
        for service in services:
            task_id = uuid4()
            holder, _ = await store.claim("web-1", service, task_id, 45)
            if holder == task_id:
                won[service] = str(task_id)
        return won

    one, other = await asyncio.gather(*map(claim_all, stores))
    winners = Counter([*one, *other])
    assert len(winners) == 1000
    assert set(winners.values()) == {1}
    for client in clients:
        await client.aclose()
