"""One client that asks without end, or too much: what it is told, and that nobody else is hurt."""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from time import monotonic

import httpx2
import pytest

from services.gateway.authentication import WRONG_KEYS_PER_MINUTE
from services.gateway.bodies import MOST_BYTES
from services.gateway.settings import GatewaySettings
from tests.bench.memory import forget_peak, peak
from tests.faults.world import metrics
from tests.support.outside import Rest
from tests.support.stack import ADMIN_KEY, Stack

MANY = 1000
AT_ONCE = 8
ELSEWHERE = "127.0.0.9"
STARTS_PER_MINUTE = GatewaySettings.model_fields["starts_per_minute"].default
TEN_MB = 10_000_000
MOST_GROWTH = TEN_MB // 2
"""Bytes; so not one body was ever held, let alone all that come at once."""

Ask = Callable[[httpx2.AsyncClient], Awaitable[httpx2.Response]]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """`capflow up` for this module, which uses up what its clients may ask; it logs all it can."""
    folder = tmp_path_factory.mktemp("flooded")
    with Stack(folder, CAPFLOW_LOG_LEVEL="debug") as stack:
        yield stack


@asynccontextmanager
async def client(stack: Stack, address: str = "127.0.0.1") -> AsyncIterator[httpx2.AsyncClient]:
    """A client at an address, without a key; few connections, which are kept."""
    kept = httpx2.Limits(max_connections=AT_ONCE)
    transport = httpx2.AsyncHTTPTransport(local_address=address, limits=kept)
    async with httpx2.AsyncClient(base_url=stack.rest, transport=transport, timeout=60) as http:
        yield http


def with_key(key: str) -> dict[str, str]:
    """The header that shows a key."""
    return {"Authorization": f"Bearer {key}"}


async def flood(http: httpx2.AsyncClient, asks: Iterable[Ask]) -> tuple[list[httpx2.Response], int]:
    """All at once; the answers, and the whole seconds that it took, rounded up."""
    began = monotonic()
    answers = await asyncio.gather(*(ask(http) for ask in asks))
    return answers, int(monotonic() - began) + 1


def codes(answers: Iterable[httpx2.Response]) -> Counter[int]:
    """How many answers have which status."""
    return Counter(answer.status_code for answer in answers)


async def counted(stack: Stack, name: str) -> float:
    """A counter of the gateway's, as /metrics shows it."""
    return (await metrics(stack.processes["up"])).get(f"capflow_gateway_{name}", 0)


async def test_a_thousand_wrong_keys_are_held_back_and_shown_to_nobody(stack: Stack) -> None:
    keys = [f"cfk_{secrets.token_urlsafe(32)}" for _ in range(MANY)]
    guesses = [_guess(key) for key in keys]
    async with client(stack) as http, client(stack, ELSEWHERE) as other:
        (answers, seconds), right = await asyncio.gather(
            flood(http, guesses), http.get("/v1/captures", headers=with_key(ADMIN_KEY))
        )
        found = codes(answers)
        assert WRONG_KEYS_PER_MINUTE <= found[401] <= WRONG_KEYS_PER_MINUTE + seconds
        assert found[401] + found[429] == MANY
        limited = next(answer for answer in answers if answer.status_code == 429)
        assert limited.json()["code"] == "too-many-wrong-keys"
        assert int(limited.headers["retry-after"]) >= 1
        assert right.status_code == 200, "a right key gets in whoever guesses from its address"
        assert (await other.get("/v1/captures", headers=with_key("x"))).status_code == 401
        assert (await other.get("/v1/captures", headers=with_key(ADMIN_KEY))).status_code == 200
    assert await counted(stack, 'not_authenticated_total{reason="limited"}') == found[429]
    assert await counted(stack, 'not_authenticated_total{reason="wrong"}') == found[401] + 1
    lines = stack.processes["up"].log.read_text().splitlines()
    log = "\n".join(line for line in lines if line.startswith("{"))  # and not the welcome
    assert log.count('"status": 429') == found[429], "each is in the log"
    told = log + "".join(f"{answer.headers}{answer.text}" for answer in answers)
    assert not [secret for secret in (ADMIN_KEY, *keys) if secret in told]


def _guess(key: str) -> Ask:
    return lambda http: http.get("/v1/captures", headers=with_key(key))


async def test_a_thousand_starts_of_one_client_leave_others_theirs(stack: Stack) -> None:
    async with Rest(stack) as admin, client(stack) as http:
        greedy, modest = [await _operator(admin, name) for name in ("greedy", "modest")]
        before = await counted(stack, 'commands_total{outcome="refused",type="capture.start"}')
        async with Rest(stack, modest) as other:
            (answers, seconds), started = await asyncio.gather(
                flood(http, [_start_nothing(greedy)] * MANY), other.start()
            )
            await other.stop(started["session"])
        found = codes(answers)
        refilled = STARTS_PER_MINUTE * seconds // 60 + 1
        assert STARTS_PER_MINUTE <= found[404] <= STARTS_PER_MINUTE + refilled
        assert found[404] + found[429] == MANY
        limited = next(answer for answer in answers if answer.status_code == 429)
        assert limited.json()["code"] == "too-many-starts"
        assert int(limited.headers["retry-after"]) >= 1
        sent = await counted(stack, 'commands_total{outcome="refused",type="capture.start"}')
        assert sent - before == found[404], "what is past the quota goes to no dispatcher"
        assert await counted(stack, "starts_limited_total") == found[429]


async def _operator(admin: Rest, name: str) -> str:
    made = await admin.http.post("/v1/keys", json={"name": name, "role": "operator"})
    return str(made.json()["key"])


def _start_nothing(key: str) -> Ask:
    body = {"resource": "nobody", "service": "eth0"}
    return lambda http: http.post("/v1/captures", json=body, headers=with_key(key))


async def test_bodies_of_ten_megabytes_are_refused_and_memory_stays_flat(stack: Stack) -> None:
    child = stack.processes["up"].child
    assert child is not None
    async with client(stack) as http:
        await _attack(http)
        forget_peak(child.pid)
        before = peak(child.pid)
        for _ in range(3):
            await _attack(http)
        assert peak(child.pid) - before < MOST_GROWTH


async def _attack(http: httpx2.AsyncClient) -> None:
    """Send bodies side by side: announced, in chunks, and such as are small and hard to read."""
    spaces, nested = b" " * TEN_MB, b"[" * TEN_MB
    refusals = {
        413: [_post(spaces), _post(nested), _post(_chunks(spaces)), _post(_chunks(nested))],
        422: [_post(b"[" * MOST_BYTES), _post(b"9" * MOST_BYTES), _post(b"\0\xff" * 30_000)],
        401: [_post(spaces, "a wrong key")],
    }
    for status, posts in refusals.items():
        answers, _ = await flood(http, posts)
        assert codes(answers) == {status: len(posts)}, [answer.text for answer in answers]


def _post(content: bytes | AsyncIterator[bytes], key: str = ADMIN_KEY) -> Ask:
    headers = with_key(key) | {"Content-Type": "application/json"}
    return lambda http: http.post("/v1/captures", content=content, headers=headers)


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    for begin in range(0, len(body), 1 << 16):
        yield body[begin : begin + (1 << 16)]
