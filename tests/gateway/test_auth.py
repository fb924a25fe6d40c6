"""Who may do what: keys, roles, and what becomes of guesses."""

import json
import stat

import pytest
import structlog

from contracts.rest import Role
from tests.gateway.world import ADMIN_KEY, World, settings, world

SESSION = "web-1.eth0.20261123215502"
TASK = "6f0b8a52-8f0c-4f4e-9d5a-1f1f6f2f9a10"
VIEWER, OPERATOR, ADMIN = Role

CALLS = [
    ("GET", "/v1/resources", VIEWER),
    ("GET", "/v1/limits", VIEWER),
    ("GET", "/v1/resources/web-1", VIEWER),
    ("POST", "/v1/captures", OPERATOR),
    ("GET", f"/v1/tasks/{TASK}", VIEWER),
    ("POST", f"/v1/captures/{SESSION}/stop", OPERATOR),
    ("GET", "/v1/captures", VIEWER),
    ("GET", f"/v1/captures/{SESSION}", VIEWER),
    ("GET", f"/v1/captures/{SESSION}/packets", VIEWER),
    ("GET", f"/v1/captures/{SESSION}/packets/0", VIEWER),
    ("GET", f"/v1/captures/{SESSION}/pcapng", VIEWER),
    ("POST", f"/v1/captures/{SESSION}/ticket", VIEWER),
    ("DELETE", f"/v1/captures/{SESSION}", ADMIN),
    ("POST", "/v1/filters/check", VIEWER),
    ("GET", "/v1/keys", ADMIN),
    ("POST", "/v1/keys", ADMIN),
    ("GET", "/v1/keys/nobody", ADMIN),
    ("DELETE", "/v1/keys/nobody", ADMIN),
]


async def test_each_role_may_do_what_the_table_says(embedded: World) -> None:
    for role in Role:
        async with embedded.client(await embedded.key(role)) as http:
            for method, path, needed in CALLS:
                answer = await http.request(method, path, json={})
                allowed = role.includes(needed)
                assert (answer.status_code == 403) != allowed, (role, method, path, answer.text)
                if not allowed:
                    problem = answer.json()
                    assert problem["code"] == "forbidden"
                    assert f"the right {needed}" in problem["detail"]


async def test_every_call_of_the_description_is_in_the_table(embedded: World) -> None:
    described = (await embedded.http.get("/openapi.json")).json()["paths"]
    calls = {
        (method.upper(), path)
        for path, methods in described.items()
        for method in methods
        if path.startswith("/v1/")
    }
    assert len(calls) == len(CALLS) + 1, "and /v1/events, which is a stream"


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer wrong",
        "Basic YWRtaW46YWRtaW4=",
        ADMIN_KEY,
        f"Bearer {ADMIN_KEY}x",
        f"Bearer {ADMIN_KEY} {ADMIN_KEY}",
        f"Token {ADMIN_KEY}",
        "Bearer " + "x" * 5000,
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.",
        "Bearer eyJraWQiOiIuLi8uLi94In0.e30.x",
    ],
)
async def test_without_a_right_key_the_answer_is_401_and_no_detail(
    embedded: World, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    async with embedded.client() as http:
        for method, path, _ in (*CALLS, ("GET", "/v1/events", VIEWER), ("GET", "/v1/x", VIEWER)):
            answer = await http.request(method, path, headers=headers, content=b"{")
            assert answer.status_code == 401, (method, path)
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.json()["code"] == "not-authenticated"
            assert answer.json()["detail"] == "send an API key as `Authorization: Bearer <key>`"


async def test_a_key_in_the_address_is_no_key(embedded: World) -> None:
    async with embedded.client() as http:
        for name in ("key", "token", "access_token", "authorization"):
            assert (await http.get("/v1/captures", params={name: ADMIN_KEY})).status_code == 401


async def test_operations_need_no_key(embedded: World) -> None:
    async with embedded.client() as http:
        for path in ("/", "/healthz", "/readyz", "/metrics", "/docs", "/openapi.json"):
            assert (await http.get(path)).status_code == 200, path


async def test_keys_are_made_listed_and_taken_away(embedded: World) -> None:
    made = await embedded.http.post("/v1/keys", json={"name": "ops", "role": "operator"})
    assert made.status_code == 201
    assert made.headers["location"] == "/v1/keys/ops"
    key = made.json()["key"]
    listed = (await embedded.http.get("/v1/keys")).json()
    assert listed["items"] == [{k: v for k, v in made.json().items() if k != "key"}]
    assert key not in json.dumps(listed)

    again = await embedded.http.post("/v1/keys", json={"name": "ops", "role": "viewer"})
    assert (again.status_code, again.json()["code"]) == (409, "name-taken")
    built_in = await embedded.http.post("/v1/keys", json={"name": "admin", "role": "viewer"})
    assert built_in.status_code == 409
    wrong = await embedded.http.post("/v1/keys", json={"name": "x", "role": "root"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "role")

    async with embedded.client(key) as http:
        assert (await http.get("/v1/captures")).status_code == 200
        assert (await embedded.http.delete("/v1/keys/ops")).status_code == 204
        assert (await http.get("/v1/captures")).status_code == 401
    assert (await embedded.http.delete("/v1/keys/ops")).status_code == 404


async def test_keys_are_kept_hashed_and_only_for_their_owner(embedded: World) -> None:
    key = await embedded.key(Role.VIEWER)
    file = embedded.settings.data_folder / "keys.json"
    assert key not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_a_started_capture_names_the_key_that_asked(embedded: World) -> None:
    async with embedded.client(await embedded.key(Role.OPERATOR, "night-shift")) as http:
        body = {"resource": "web-1", "service": "eth0"}
        started = (await http.post("/v1/captures", json=body)).json()
        task = (await http.get(f"/v1/tasks/{started['task_id']}")).json()
    assert task["requested_by"] == "night-shift"


async def test_keys_outlive_a_restart(embedded: World) -> None:
    key = await embedded.key(Role.VIEWER)
    folder = embedded.settings.data_folder
    configured = settings(folder, endpoints=f"main=sqlite://{folder}/other.db")
    async with world(configured) as other, other.client(key) as http:
        assert (await http.get("/v1/captures")).status_code == 200


async def test_no_key_is_ever_logged(embedded: World) -> None:
    with structlog.testing.capture_logs() as lines:
        key = await embedded.key(Role.VIEWER)
        async with embedded.client(key) as http:
            await http.get("/v1/captures", params={"cursor": key})
        async with embedded.client("guess-123") as http:
            await http.get("/v1/captures")
        await embedded.start()
    written = json.dumps(lines, default=repr)
    assert "/v1/captures" in written
    for secret in (key, ADMIN_KEY, "guess-123"):
        assert secret not in written
