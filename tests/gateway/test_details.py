"""One packet with all that can be read of it, however hostile it is."""

import asyncio
import os
import random
import signal
from base64 import b64decode
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.gateway.dissection import dissector as dissecting
from services.gateway.dissection.dissector import Dissector
from services.gateway.metrics import Metrics
from services.gateway.problems import Refused
from services.packets import linktypes
from tests.gateway.stored import block_of, ended_capture
from tests.gateway.world import World
from tests.support.sample_packets import cooked_samples, ethernet_samples, ip, ip6, stacked
from tests.support.wait import until

_HANGING = "import sys, time; print('{}', flush=True); sys.stdin.readline(); time.sleep(60)"
_DYING = "import os, sys; print('{}', flush=True); sys.stdin.readline(); os._exit(1)"


@pytest.fixture
async def dissector() -> AsyncIterator[Dissector]:
    made = Dissector(Metrics())
    yield made
    await made.close()


async def _details(world: World, session: str, number: int) -> dict[str, Any]:
    answer = await world.http.get(f"/v1/captures/{session}/packets/{number}")
    assert answer.status_code == 200, answer.text
    details: dict[str, Any] = answer.json()
    return details


async def test_a_packet_is_told_with_every_layer_field_and_byte(gateway: World) -> None:
    packet = ethernet_samples()["tcp syn"]
    capture = await ended_capture(gateway, (0, [b"other", packet]))
    told = await _details(gateway, capture.session, 1)
    assert b64decode(told["data"]) == packet
    assert (told["number"], told["length"], told["captured"]) == (1, len(packet), len(packet))
    assert told["time"] == "1795384502.001000000"
    assert told["summary"]["protocol"] == "TCP"
    assert [layer["name"] for layer in told["layers"][:3]] == ["Ethernet", "IP", "TCP"]
    assert [layer["offset"] for layer in told["layers"][:3]] == [0, 14, 34]
    source = next(f for f in told["layers"][1]["fields"] if f["name"] == "src")
    assert (source["offset"], source["length"], source["value"]) == (26, 4, "10.0.0.1")
    assert told["note"] is None


async def test_where_a_field_is_said_to_lie_its_value_lies(dissector: Dissector) -> None:
    for name, packet in ethernet_samples().items():
        layers, note = await dissector.layers(packet, linktypes.ETHERNET)
        assert note is None, name
        ends = [(layer["offset"], layer["length"]) for layer in layers]
        assert ends[0][0] == 0
        assert sum(length for _, length in ends) == len(packet), name
        for layer in layers:
            for field in layer["fields"]:
                _assert_lies_there(packet, field, name)


def _assert_lies_there(packet: bytes, field: dict[str, Any], name: str) -> None:
    at, length, value = field["offset"], field["length"], field["value"]
    if at is None:
        return
    assert 0 <= at <= at + length <= len(packet), (name, field)
    if field["name"].split(".")[-1] in ("sport", "dport", "id", "chksum", "ttl", "hlim"):
        assert int.from_bytes(packet[at : at + length], "big") == value, (name, field)


async def test_records_within_a_message_are_fields_with_places(dissector: Dissector) -> None:
    packet = ethernet_samples()["dns answer"]
    layers, _ = await dissector.layers(packet, linktypes.ETHERNET)
    fields = {field["name"]: field for field in layers[-1]["fields"]}
    address = fields["an[1].rdata"]
    assert address["shown"] == "192.0.2.7"
    place = slice(address["offset"], address["offset"] + address["length"])
    assert packet[place] == bytes([192, 0, 2, 7])


async def test_each_link_type_begins_with_its_own_layer(dissector: Dissector) -> None:
    four, six = stacked(ip()), stacked(ip6())
    packets = {
        linktypes.RAW: (four, "IP"),
        linktypes.RAW_BSD: (six, "IPv6"),
        linktypes.IPV4: (four, "IP"),
        linktypes.IPV6: (six, "IPv6"),
        linktypes.NULL: (b"\x02\0\0\0" + four, "Loopback"),
        linktypes.LOOP: (b"\0\0\0\x02" + four, "OpenBSD Loopback"),
        linktypes.LINUX_SLL: (cooked_samples()[113], "cooked linux"),
        linktypes.LINUX_SLL2: (cooked_samples()[276], "cooked linux v2"),
    }
    for linktype, (packet, first) in packets.items():
        layers, note = await dissector.layers(packet, linktype)
        assert (layers[0]["name"], note) == (first, None), linktype
        assert any(layer["name"] in ("IP", "IPv6") for layer in layers), linktype


async def test_another_link_type_is_bytes_and_a_sentence(embedded: World) -> None:
    capture = await ended_capture(embedded, (0, [b"\x00" * 40]), linktype=linktypes.NETLINK)
    told = await _details(embedded, capture.session, 0)
    assert told["layers"] == []
    assert "Netlink" in told["note"]
    assert b64decode(told["data"]) == b"\x00" * 40


def _hostile() -> list[bytes]:
    """Random bytes, and good packets cut, flipped and nested beyond reason."""
    chance = random.Random(4711)
    samples = list(ethernet_samples().values())
    damaged = [chance.randbytes(chance.randrange(200)) for _ in range(150)]
    for _ in range(300):
        packet = bytearray(chance.choice(samples))
        for _ in range(chance.randrange(1, 6)):
            packet[chance.randrange(len(packet))] = chance.randrange(256)
        damaged.append(bytes(packet[: chance.randrange(1, len(packet) + 1)]))
    ethernet = ethernet_samples()["udp"][:12]
    tags = ethernet + b"\x81\x00\x00\x01" * 4000
    nested = ethernet + b"\x08\x00" + (b"\x45" + bytes(8) + b"\x04" + bytes(10)) * 3000
    text = b"\x1b[31m\x07\r\n<script>\xe2\x80\xae"
    return [*damaged, b"", tags, nested, ethernet_samples()["udp"] + text, bytes(65_535)]


async def test_hostile_bytes_are_answered_and_nothing_in_them_steers_a_terminal(
    dissector: Dissector,
) -> None:
    for packet in _hostile():
        layers, note = await dissector.layers(packet, linktypes.ETHERNET)
        texts = [note or "", *(layer["name"] for layer in layers)]
        fields = [field for layer in layers for field in layer["fields"]]
        assert len(fields) <= 2000
        for field in fields:
            texts += [field["name"], field["shown"], str(field["value"])]
            if field["offset"] is not None:
                assert 0 <= field["offset"] <= field["offset"] + field["length"] <= len(packet)
        assert all(text.isprintable() for text in texts)


async def test_a_packet_that_hangs_the_dissector_costs_its_time_and_no_more(
    embedded: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = await ended_capture(embedded, (0, [ethernet_samples()["udp"]]))
    with monkeypatch.context() as patched:
        patched.setattr(dissecting, "_arguments", lambda: ("-c", _HANGING))
        slow = Dissector(Metrics(), seconds=0.2)
        patched.setattr(slow._child, "_arguments", lambda: ("-c", _HANGING))
        layers, note = await slow.layers(b"x", linktypes.ETHERNET)
        assert (layers, slow.child_pid) == ([], None)
        assert "longer than 0.2 s" in str(note)
    assert (await _details(embedded, capture.session, 0))["layers"]


async def test_a_packet_that_kills_the_dissector_is_bytes_and_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dying = Dissector(Metrics())
    monkeypatch.setattr(dying._child, "_arguments", lambda: ("-c", _DYING))
    layers, note = await dying.layers(b"x", linktypes.ETHERNET)
    assert layers == []
    assert "does not survive" in str(note)
    await dying.close()


async def test_a_dissector_that_was_killed_is_replaced(dissector: Dissector) -> None:
    packet = ethernet_samples()["udp"]
    await dissector.layers(packet, linktypes.ETHERNET)
    pid = dissector.child_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await until(lambda: not os.path.exists(f"/proc/{pid}/exe"))
    layers, note = await dissector.layers(packet, linktypes.ETHERNET)
    assert layers
    assert note is None
    assert dissector.child_pid != pid


async def test_the_dissector_starts_when_first_asked_and_ends_with_its_gateway(
    dissector: Dissector,
) -> None:
    assert dissector.child_pid is None
    await dissector.layers(b"x", linktypes.ETHERNET)
    pid = dissector.child_pid
    await dissector.close()
    await until(lambda: not os.path.exists(f"/proc/{pid}"))


async def test_the_dissector_has_bounds_on_memory_and_files_and_no_secret(
    dissector: Dissector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAPFLOW_ADMIN_KEY", "secret")
    await dissector.layers(b"x", linktypes.ETHERNET)
    with open(f"/proc/{dissector.child_pid}/limits") as file:
        limits = {line[:26].strip(): line[26:].split()[0] for line in file}
    assert limits["Max address space"] == str(256 << 20)
    assert (limits["Max open files"], limits["Max file size"]) == ("3", "0")
    with open(f"/proc/{dissector.child_pid}/environ", "rb") as environment:
        assert b"secret" not in environment.read()


async def test_of_more_packets_than_may_wait_each_is_refused(
    dissector: Dissector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dissecting, "MOST_WAITING", 2)
    packet = ethernet_samples()["udp"]
    asked = [dissector.layers(packet, linktypes.ETHERNET) for _ in range(5)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Refused)]
    assert [each.code for each in refused] == ["too-many-packets"] * 3
    assert (await dissector.layers(packet, linktypes.ETHERNET)).layers


async def test_a_number_that_was_never_stored_is_404_and_says_why(embedded: World) -> None:
    packets = [b"x" * 60] * 3
    capture = await ended_capture(embedded, (0, packets), (10, packets))
    path = f"/v1/captures/{capture.session}/packets"
    gap = await embedded.http.get(f"{path}/5")
    assert (gap.status_code, gap.json()["code"]) == (404, "dropped-packet")
    beyond = await embedded.http.get(f"{path}/13")
    assert (beyond.status_code, beyond.json()["code"]) == (404, "unknown-packet")
    assert "captured 13" in beyond.json()["detail"]
    for wrong in ("-1", str(2**63), "x"):
        assert (await embedded.http.get(f"{path}/{wrong}")).status_code == 422


async def test_a_packet_of_a_capture_that_runs_may_not_be_there_yet(embedded: World) -> None:
    started = await embedded.start()
    answer = await embedded.http.get(f"/v1/captures/{started['session']}/packets/0")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown-packet")
    assert "yet" in answer.json()["detail"]


async def test_a_damaged_block_is_told_and_no_500(embedded: World) -> None:
    capture = await ended_capture(embedded, (0, [b"x" * 60]))
    good = block_of(capture.session, 1, 1, [b"y" * 60] * 2)
    damaged = type(good)(capture.session, 1, 1, 2, good.first_ts, good.last_ts, 9, 0, b"\6" * 64)
    await embedded.store.insert_blocks([damaged])
    answer = await embedded.http.get(f"/v1/captures/{capture.session}/packets/1")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown-packet")
    assert "damaged" in answer.json()["detail"]
