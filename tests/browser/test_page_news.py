"""What happens elsewhere reaches the page by itself: the list is not asked for again and again."""

import json

import httpx2
import pytest
from playwright.sync_api import expect

from tests.browser.screen import Screen
from tests.support.stack import ADMIN_KEY, RESOURCE, Stack

_NEWS = """
const plain = globalThis.fetch;
globalThis.asked = 0;
globalThis.fetch = (address, ...more) => {
  const path = String(address);
  if (path.includes("/v1/resources")) globalThis.asked += 1;
  if (!path.includes("/v1/events")) return plain(address, ...more);
  const body = new ReadableStream({
    start(stream) {
      const say = (text) => stream.enqueue(new TextEncoder().encode(text));
      globalThis.tell = (event) => say(`event: resource\\ndata: ${JSON.stringify(event)}\\n\\n`);
      say(": begun\\n\\n");
    },
  });
  return Promise.resolve(new Response(body));
};
"""


@pytest.fixture
def known(stack: Stack) -> dict[str, object]:
    """The resource as the gateway tells it."""
    admin = {"Authorization": f"Bearer {ADMIN_KEY}"}
    answer = httpx2.get(f"{stack.rest}/v1/resources/{RESOURCE}", headers=admin)
    found: dict[str, object] = answer.json()
    return found


def test_a_host_that_goes_and_comes_is_shown_by_its_event(
    screen: Screen, known: dict[str, object]
) -> None:
    page = screen.page
    page.add_init_script(_NEWS)
    screen.open()
    expect(page.get_by_text("Online")).to_be_visible()
    expect(page.locator(".card")).to_contain_text("since ")
    before = page.evaluate("asked")
    for online, word in ((False, "Offline"), (True, "Online")):
        now = known | {"online": online}
        _answer(screen, now)
        page.evaluate(f"tell({json.dumps(now)})")
        expect(page.get_by_text(word, exact=True)).to_be_visible()
    assert page.evaluate("asked") == before + 2


def test_a_form_stays_as_it_was_typed_while_its_host_is_away(
    screen: Screen, known: dict[str, object]
) -> None:
    page = screen.page
    page.add_init_script(_NEWS)
    screen.open(f"#/start/{RESOURCE}/lo")
    page.get_by_label("Capture filter").fill("udp port 53")
    gone = known | {"online": False}
    _answer(screen, gone)
    page.evaluate(f"tell({json.dumps(gone)})")
    expect(page.get_by_text(f"{RESOURCE} is offline now")).to_be_visible()
    expect(page.get_by_label("Capture filter")).to_have_value("udp port 53")


def test_the_operators_caps_are_shown_before_one_asks_for_more(screen: Screen) -> None:
    screen.open("#/start")
    expect(screen.page.get_by_text("The operator allows at most 24 h.")).to_be_visible()


def _answer(screen: Screen, resource: dict[str, object]) -> None:
    items = {"items": [resource], "next_cursor": None}
    screen.page.route("**/v1/resources*", lambda route: route.fulfill(json=items))
