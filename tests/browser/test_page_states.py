"""What is drawn when there is nothing to draw, or when it may not be."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from playwright.sync_api import expect

from tests.browser.screen import Screen
from tests.support.stack import ADMIN_KEY, RESOURCE, Stack


@pytest.fixture(scope="module")
def viewer_key(stack: Stack) -> Iterator[str]:
    """A key that may only read."""
    admin = {"Authorization": f"Bearer {ADMIN_KEY}"}
    body = {"name": "reader", "role": "viewer"}
    made = httpx2.post(f"{stack.rest}/v1/keys", json=body, headers=admin)
    yield made.json()["key"]
    httpx2.delete(f"{stack.rest}/v1/keys/reader", headers=admin)


def test_nothing_to_show_is_said(screen: Screen) -> None:
    _answer(screen, "**/v1/resources*", {"items": [], "next_cursor": None})
    _answer(screen, "**/v1/captures?*", {"items": [], "next_cursor": None})
    screen.open()
    expect(screen.page.get_by_text("No agent has been heard of yet")).to_be_visible()
    screen.go("#/sessions")
    expect(screen.page.get_by_text("Nothing has been captured yet")).to_be_visible()
    screen.page.get_by_label("Show").select_option("running")
    expect(screen.page.get_by_text("No session is running")).to_be_visible()
    screen.go("#/start")
    expect(screen.page.get_by_text("No agent is online")).to_be_visible()


def test_loading_is_said(screen: Screen) -> None:
    screen.page.route("**/v1/captures?*", lambda route: None)
    screen.open("#/sessions")
    expect(screen.page.get_by_text("Reading the sessions…")).to_be_visible()
    screen.page.unroute_all(behavior="ignoreErrors")


def test_what_a_key_does_not_allow_is_said(screen: Screen, viewer_key: str) -> None:
    screen.open(f"#/start/{RESOURCE}/demo", key=viewer_key)
    screen.button("Start and watch").click()
    alert = screen.page.get_by_role("alert")
    expect(alert).to_contain_text("Your key does not allow this")
    expect(alert).to_contain_text("operator")


def test_a_capture_that_is_not_there_is_said(screen: Screen) -> None:
    screen.open()
    screen.watch(f"{RESOURCE}.lo.20200101000000")
    expect(screen.page.get_by_text("This capture cannot be shown")).to_be_visible()


def test_a_key_that_is_withdrawn_is_asked_for_anew(
    tab: Callable[..., Screen], stack: Stack
) -> None:
    screen = tab(stack)
    screen.open(key="not-a-key-of-this-gateway")
    expect(screen.page.get_by_text("does not know this key any more")).to_be_visible()


def test_a_gap_is_a_row_that_can_be_fetched(screen: Screen) -> None:
    """The streamer skips for a slow viewer; here its message is put in by the test."""
    screen.open()
    session = screen.start("demo")
    screen.expect_running()
    expect(screen.page.locator(".packet[data-family]").nth(5)).to_be_visible()
    screen.stop()
    screen.page.route("**/live/worker.js", _with_skips)
    screen.page.reload()
    screen.watch(session)
    gap = screen.page.locator(".packet.gap:visible").first
    expect(gap).to_contain_text("are not here: this page could not keep up; they are stored.")
    expect(screen.figure("Skipped")).not_to_have_text("0")
    gap.dblclick()
    expect(gap).to_be_hidden()
    screen.expect_figure("Skipped", 0)
    assert screen.rows()[:6] == ["0", "1", "2", "3", "4", "5"]


_CUT = """
const Plain = WebSocket;
globalThis.WebSocket = class extends Plain {
  set onmessage(hear) {
    super.onmessage = hear && ((event) => cut(JSON.parse(event.data)).forEach((message) =>
      hear({ data: JSON.stringify(message) })));
  }
};
let isCut = false;
function cut(message) {
  if (isCut || message.type !== "packets" || message.first < 1) return [message];
  isCut = true;
  const { first, next } = message;
  return [{ type: "gap", first, count: next - first, reason: "slow-viewer" }];
}
"""


def _with_skips(route: Any) -> None:
    answer = route.fetch()
    route.fulfill(response=answer, body=answer.text() + _CUT)


def _answer(screen: Screen, address: str, body: object) -> None:
    screen.page.route(address, lambda route: route.fulfill(json=body))
