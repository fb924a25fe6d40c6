"""The digest of a capture's file: kept, told, and held against later files."""

import hashlib
from base64 import b64encode

import structlog

from services.gateway.digests import Digests
from services.gateway.metrics import Metrics
from tests.gateway.running import Reader, running
from tests.gateway.stored import block_of
from tests.gateway.world import World
from tests.support.wait import until


async def test_the_digest_of_the_first_whole_file_is_kept_and_told(gateway: World) -> None:
    capture = await running(gateway)
    await capture.stores(5)
    assert (await gateway.http.head(capture.path)).headers.get("repr-digest") is None
    reader = Reader(capture)
    await until(lambda: capture.blocks[0].data in reader.got)
    await capture.ends()
    sha256 = hashlib.sha256(await reader.whole()).hexdigest()
    told = (await gateway.http.get(f"/v1/captures/{capture.session}")).json()
    assert told["sha256"] == sha256
    again = await gateway.http.get(capture.path)
    assert hashlib.sha256(again.content).hexdigest() == sha256
    header = f"sha-256=:{b64encode(bytes.fromhex(sha256)).decode()}:"
    assert again.headers["repr-digest"] == header
    head = await gateway.http.head(capture.path, params={"live": "1"})
    assert (head.status_code, head.headers["repr-digest"]) == (200, header)
    assert "content-length" not in head.headers
    assert head.headers["content-type"] == "application/x-pcapng"


async def test_a_digest_of_a_record_that_has_changed_meanwhile_is_not_kept(
    embedded: World,
) -> None:
    capture = await running(embedded)
    await capture.stores()
    await capture.ends()
    record = await embedded.store.session(capture.session)
    assert record is not None
    amended = record.model_copy(update={"ledger": record.ledger.model_copy(update={"blocks": 0})})
    await embedded.store.update_session(amended, unless_ended=False)
    await Digests(embedded.store, Metrics()).keep(record, "0" * 64)
    assert await embedded.store.session(capture.session) == amended


async def test_a_file_that_is_not_what_it_was_is_told(embedded: World) -> None:
    capture = await running(embedded)
    await capture.stores()
    await capture.ends()
    await capture.file()
    await embedded.store.delete_blocks(capture.session)
    changed = block_of(capture.session, 0, 0, [b"x" * 60, b"y" * 41])
    await embedded.store.insert_blocks([changed])
    with structlog.testing.capture_logs() as lines:
        await capture.file()
    assert "not what it was" in str([line for line in lines if line["log_level"] == "error"])
