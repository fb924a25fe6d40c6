"""The gateway's rules, without a gateway."""

import asyncio
import hmac
import string
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contracts.names import NAME_PATTERN
from contracts.rest import Role
from services.gateway.bearer import MAX_KEY_LENGTH, bearer_key
from services.gateway.buckets import _MOST_CLIENTS, Buckets
from services.gateway.idempotency import task_id_for
from services.gateway.keyring import Keyring, NameTaken, new_key
from services.gateway.paging import cursor_after, name_before, page_of
from services.gateway.problems import PROBLEMS, Refused, status_of
from services.gateway.roles import Caller
from services.gateway.secretfiles import admin_key, ticket_secret
from services.gateway.settings import GatewaySettings
from services.gateway.validation import invalid_request
from services.runtime.errors import BadSetting
from services.runtime.settings import load

NAMES = st.from_regex(NAME_PATTERN, fullmatch=True)
KEY_CHARACTERS = string.ascii_letters + string.digits + "-._~+/"


@given(st.text())
@example("Bearer \ud800")
@example("Bearer \xff")
def test_any_header_is_a_key_or_none(header: str) -> None:
    key = bearer_key(header)
    assert key is None or (key in header and key.isascii() and " " not in key)


@given(st.text(KEY_CHARACTERS, min_size=1, max_size=400), st.sampled_from(["Bearer", "bearer"]))
def test_a_key_is_read_back(key: str, scheme: str) -> None:
    assert bearer_key(f"{scheme} {key}") == key


def test_a_header_beyond_all_measure_is_none() -> None:
    assert bearer_key("Bearer " + "x" * MAX_KEY_LENGTH) is None


@given(st.text())
@example("\x80")
@example("\ud800")
def test_any_cursor_is_a_name_or_refused(cursor: str) -> None:
    with suppress(ValueError):
        assert cursor_after(name_before(cursor)) == cursor


@pytest.mark.parametrize("cursor", ["", "\x80", "bogus", "====", "d2ViLTE=", "d2ViLTE\n", "LTEt"])
def test_what_is_no_cursor_is_refused_with_what_it_may_be(cursor: str) -> None:
    with pytest.raises(ValueError, match="next_cursor"):
        name_before(cursor)


@given(NAMES)
def test_a_cursor_is_read_back(name: str) -> None:
    assert name_before(cursor_after(name)) == name


@given(st.sets(NAMES, max_size=30), st.integers(1, 10))
def test_pages_hold_every_name_once_in_order(names: set[str], limit: int) -> None:
    seen: list[str] = []
    cursor = None
    while True:
        page, cursor = page_of(list(names), cursor, limit)
        assert len(page) <= limit
        seen += page
        if cursor is None:
            break
    assert seen == sorted(names)


def test_a_bucket_gives_so_many_at_once_and_then_one_by_one() -> None:
    buckets = Buckets(60)
    assert [buckets.take("a", 0.0) for _ in range(60)] == [0.0] * 60
    assert buckets.take("a", 0.0) == pytest.approx(1.0)
    assert buckets.take("b", 0.0) == 0.0
    assert buckets.take("a", 1.0) == 0.0
    assert buckets.take("a", 1.0) > 0


@given(st.lists(st.floats(0, 30), max_size=300))
def test_a_bucket_never_gives_more_than_it_may(pauses: list[float]) -> None:
    buckets, now, given_out = Buckets(30), 0.0, 0
    for pause in pauses:
        now += pause
        given_out += buckets.take("a", now) == 0
    assert given_out <= 30 + now * 0.5 + 1e-6


def test_a_bucket_remembers_so_many_clients_and_no_more() -> None:
    buckets = Buckets(1)
    for number in range(_MOST_CLIENTS + 5):
        buckets.take(str(number), 0.0)
    assert len(buckets._buckets) == _MOST_CLIENTS
    assert buckets.take("0", 0.0) == 0.0, "the first was forgotten"
    assert buckets.take("100", 0.0) > 0, "this one was not"


@given(st.text(), st.text())
def test_a_key_makes_one_task_id_a_caller(key: str, other: str) -> None:
    assert task_id_for("a", key, None) == task_id_for("a", key, None)
    assert task_id_for("a", key, None) != task_id_for("b", key, None)
    assert (task_id_for("a", key, None) == task_id_for("a", other, None)) == (key == other)


def test_without_a_key_the_task_id_is_the_chosen_one_or_new() -> None:
    chosen = uuid4()
    assert task_id_for("a", None, chosen) == chosen
    assert task_id_for("a", None, None) != task_id_for("a", None, None)


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (Role.VIEWER, {Role.VIEWER}),
        (Role.OPERATOR, {Role.VIEWER, Role.OPERATOR}),
        (Role.ADMIN, set(Role)),
    ],
)
def test_a_role_includes_those_before_it(role: Role, may: set[Role]) -> None:
    assert {needed for needed in Role if role.includes(needed)} == may


@given(st.lists(st.tuples(st.lists(st.text() | st.integers(), min_size=1), st.text(), st.text())))
@example([(["body", "\ud800"], "value_error", "\ud800")])
def test_whatever_validation_found_becomes_a_problem(found: list[Any]) -> None:
    errors = [{"loc": tuple(loc), "type": kind, "msg": text} for loc, kind, text in found]
    response = invalid_request(errors).response()
    assert response.status_code == 422
    assert bytes(response.body).isascii()
    assert len(response.body) < 200_000


def test_a_code_of_a_newer_dispatcher_is_a_503() -> None:
    assert status_of("of-a-newer-version") == 503
    assert Refused("of-a-newer-version", "why").response().status_code == 503


def test_every_code_has_a_status_and_words() -> None:
    for code, (status, title) in PROBLEMS.items():
        assert 400 <= status < 600, code
        assert title[0].isupper()


# --- keys and settings ---


async def test_a_keyring_tells_keys_apart(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path / "keys.json", "the-admin-key")
    record, key = await keyring.add("ops", Role.OPERATOR)
    assert keyring.caller(key) == Caller("ops", Role.OPERATOR)
    assert keyring.caller("the-admin-key") == Caller("admin", Role.ADMIN)
    assert keyring.caller(new_key()) is None
    assert keyring.caller(record.sha256) is None, "the hash is not the key"
    with pytest.raises(NameTaken):
        await keyring.add("ops", Role.VIEWER)


async def test_how_long_a_key_takes_tells_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring = Keyring(tmp_path / "keys.json", "the-admin-key")
    keys = [(await keyring.add(f"key-{n}", Role.VIEWER))[1] for n in range(5)]
    compared: list[int] = []

    def compare(one: str, other: str) -> bool:
        compared.append(len(one) + len(other))
        return hmac.compare_digest(one, other)

    monkeypatch.setattr("services.gateway.keyring.hmac", SimpleNamespace(compare_digest=compare))
    for key in ("the-admin-key", keys[0], keys[-1], "wrong", "wrong" * 50):
        compared.clear()
        keyring.caller(key)
        assert compared == [2 * 64] * 6, "digests alone, each of them, and always to the end"


async def test_what_another_gateway_changes_is_taken_up(tmp_path: Path) -> None:
    one, other = (Keyring(tmp_path / "keys.json", "the-admin-key") for _ in range(2))
    _, key = await one.add("ops", Role.VIEWER)
    assert other.caller(key) is None
    other.load()
    assert other.caller(key) == Caller("ops", Role.VIEWER)
    await other.add("night", Role.VIEWER)
    assert await one.remove("ops")
    one.load()
    assert [record.name for record in one.records] == ["night"]


async def test_many_keys_made_at_once_are_all_kept(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path / "keys.json", "the-admin-key")
    await asyncio.gather(*(keyring.add(f"key-{n}", Role.VIEWER) for n in range(20)))
    again = Keyring(tmp_path / "keys.json", "the-admin-key")
    again.load()
    assert len(again.records) == 20


@pytest.mark.parametrize("content", [b"{", b"[{}]", b"\xff", b'[{"name": "A B"}]'])
def test_a_damaged_keys_file_stops_the_start(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "keys.json"
    file.write_bytes(content)
    with pytest.raises(BadSetting, match=r"keys\.json is no readable keys file"):
        Keyring(file, "the-admin-key").load()


def test_secrets_are_made_once_and_kept_for_their_owner(tmp_path: Path) -> None:
    settings = load(GatewaySettings, data=tmp_path / "data")
    made = admin_key(settings), ticket_secret(settings)
    assert (admin_key(settings), ticket_secret(settings)) == made
    assert made[0] != made[1]
    for name in ("admin.key", "ticket.secret"):
        assert (tmp_path / "data" / name).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("key", ["two words", "umlaut-ä", "x" * 600, "new\nline"])
def test_an_admin_key_that_no_header_can_carry_stops_the_start(tmp_path: Path, key: str) -> None:
    with pytest.raises(BadSetting, match="CAPFLOW_ADMIN_KEY") as caught:
        admin_key(load(GatewaySettings, data=tmp_path, admin_key=key))
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CAPFLOW_GATEWAY_PORT", "65536"),
        ("CAPFLOW_GATEWAY_PORT", "http"),
        ("CAPFLOW_STREAM_URL", "http://stream"),
        ("CAPFLOW_STARTS_PER_MINUTE", "0"),
        ("CAPFLOW_BUS_URL", "http://rabbit"),
        ("CAPFLOW_TASKS_URL", "redis"),
        ("CAPFLOW_ENDPOINTS", "main"),
    ],
)
def test_a_wrong_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(BadSetting, match=variable):
        load(GatewaySettings)


@pytest.mark.parametrize(
    ("host", "asked", "address"),
    [
        ("127.0.0.1", "gateway.test", "ws://127.0.0.1:8081/v1/stream"),
        ("0.0.0.0", "gateway.test", "ws://gateway.test:8081/v1/stream"),
        ("::", "2001:db8::1", "ws://[2001:db8::1]:8081/v1/stream"),
        ("::1", "localhost", "ws://[::1]:8081/v1/stream"),
    ],
)
def test_the_streamers_address_is_one_that_viewers_can_reach(
    host: str, asked: str, address: str
) -> None:
    assert load(GatewaySettings, host=host).stream_address(asked) == address
