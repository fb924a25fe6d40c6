"""The page's files as they are served, and the check of a filter."""

import re

import pytest

from services.gateway.site import FOLDER, content_policy, read_site
from tests.gateway.world import World


async def test_the_page_is_served_under_a_strict_policy_that_lets_it_reach_the_streamer(
    embedded: World,
) -> None:
    answer = await embedded.http.get("/")
    policy = answer.headers["content-security-policy"]
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'; script-src 'self'; style-src 'self'; " in policy
    assert re.search(r"connect-src 'self' ws://stream\.test:8081;", policy)
    assert "unsafe" not in policy


async def test_every_file_of_the_page_is_served_and_known_again(embedded: World) -> None:
    for path, asset in read_site().items():
        answer = await embedded.http.get(f"/page/{path}")
        assert answer.content == asset.body
        known = {"If-None-Match": answer.headers["etag"]}
        again = await embedded.http.get(f"/page/{path}", headers=known)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["nothing.js", "../site.py", "%2e%2e/site.py", "vendor", ""])
async def test_nothing_but_the_page_is_served(embedded: World, path: str) -> None:
    answer = await embedded.http.get(f"/page/{path}")
    assert answer.status_code == 404


def test_a_host_that_is_no_host_does_not_get_into_the_policy() -> None:
    plain = content_policy("ws://a; script-src *:8081/v1/stream")
    assert "connect-src 'self';" in plain
    assert "connect-src 'self' ws://[::1]:81;" in content_policy("ws://[::1]:81/v1/stream")


def test_no_file_of_the_page_names_an_address_outside() -> None:
    own = [path for path in FOLDER.rglob("*") if path.suffix in (".js", ".css", ".html", ".svg")]
    for path in own:
        if path.parent.name == "vendor":
            continue
        found = re.findall(r"(?:https?|wss?)://[a-z][^\s\"'`]*", path.read_text())
        assert [each for each in found if not each.startswith("http://www.w3.org/")] == [], path


async def test_a_filter_is_checked_without_a_start(embedded: World) -> None:
    good = await embedded.http.post("/v1/filters/check", json={"filter": "tcp port 443"})
    bad = await embedded.http.post("/v1/filters/check", json={"filter": "tcp prot 443"})
    assert good.status_code == 204
    assert (bad.status_code, bad.json()["code"]) == (422, "invalid-filter")
    assert bad.json()["field"] == "filter"
    assert "syntax error" in bad.json()["detail"]
