"""A capture's file over connections that break."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from services.client.api import Gateway
from services.client.errors import ApiError, GatewayAway, NotWhole
from services.client.fetching import Fetch
from tests.support.stub_capflow import KEY, SESSION

WHOLE = bytes(range(256)) * 1000


class Broken(httpx2.AsyncByteStream):
    """A body that breaks off."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for at in range(0, len(self._data), 999):
            yield self._data[at : at + 999]
        raise httpx2.ReadError("cut")


async def fetched(*answers: Any, patience: float = 60) -> tuple[bytes, Fetch]:
    left = list(answers)

    def answer(_request: httpx2.Request) -> httpx2.Response:
        given = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(given, httpx2.Response):
            return given
        return httpx2.Response(200, stream=given)

    async with Gateway("http://capflow.test", KEY, httpx2.MockTransport(answer)) as gateway:
        fetch = Fetch(gateway, SESSION, live=False, patience=patience)
        return b"".join([piece async for piece in fetch.pieces()]), fetch


def whole(data: bytes = WHOLE) -> httpx2.Response:
    return httpx2.Response(200, content=data)


async def test_a_file_is_whole_however_often_the_connection_breaks() -> None:
    unready = httpx2.Response(503, json={})
    data, fetch = await fetched(
        Broken(WHOLE[:70_001]), unready, Broken(b""), Broken(WHOLE[:100_000]), whole()
    )
    assert data == WHOLE
    assert fetch.size == len(WHOLE)


async def test_a_file_that_is_another_after_the_break_is_refused() -> None:
    with pytest.raises(NotWhole, match="changed"):
        await fetched(Broken(WHOLE[:5000]), whole(b"x" + WHOLE[1:]))
    with pytest.raises(NotWhole, match="shorter"):
        await fetched(Broken(WHOLE[:5000]), whole(WHOLE[:4000]))


async def test_a_file_that_never_gets_on_is_given_up() -> None:
    with pytest.raises(GatewayAway):
        await fetched(Broken(WHOLE[:5000]), patience=0.3)


async def test_a_refusal_is_told_at_once() -> None:
    with pytest.raises(ApiError):
        await fetched(httpx2.Response(404, json={}))
    with pytest.raises(ApiError):
        await fetched(Broken(WHOLE[:5000]), httpx2.Response(404, json={}))


async def test_the_digest_that_the_gateway_tells_must_be_the_files() -> None:
    data, fetch = await fetched(whole())
    assert data == WHOLE
    assert fetch.check(fetch.sha256)
    assert not fetch.check(None)
    with pytest.raises(NotWhole, match="SHA-256"):
        fetch.check("0" * 64)
    wrong = {"Repr-Digest": "sha-512=:AAAA:, sha-256=:" + "A" * 43 + "=:"}
    _, other = await fetched(httpx2.Response(200, content=WHOLE, headers=wrong))
    with pytest.raises(NotWhole, match="gateway says 0000"):
        other.check(None)
