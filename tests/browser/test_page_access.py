"""Nobody is left out: axe finds nothing in any view, and nothing breaks at any width."""

from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.browser.screen import Screen
from tests.support.stack import ADMIN_KEY, RESOURCE, Stack

AXE = Path(__file__).with_name("vendor").joinpath("axe.js").read_text()
WIDTHS = [(360, 740), (768, 1024), (1280, 800), (3840, 2160)]
_RUN = """async () => {
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    return violations.map(({ id, help, nodes }) =>
        `${id}: ${help}: ${nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
}"""
_TOO_WIDE = """() => {
    const width = document.documentElement.clientWidth;
    const wide = [...document.querySelectorAll("main *, header *")].filter((element) =>
        element.getClientRects().length && element.getBoundingClientRect().right > width + 1
        && !element.closest(".packets, .hex, .u-wrap"));
    const whole = document.documentElement.scrollWidth > width ? ["the page itself"] : [];
    return [...whole, ...wide.map((element) => element.outerHTML.slice(0, 120))];
}"""


@pytest.fixture(scope="module")
def demo(stack: Stack) -> str:
    """A capture with packets of many protocols that has ended."""
    admin = {"Authorization": f"Bearer {ADMIN_KEY}"}
    body = {"resource": RESOURCE, "service": "demo", "limits": {"packets": 60}}
    started = httpx2.post(f"{stack.rest}/v1/captures", json=body, headers=admin).json()
    return str(started["session"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(
    tab: Callable[..., Screen], stack: Stack, demo: str, scheme: str
) -> None:
    screen = tab(stack, color_scheme=scheme)
    page = screen.page
    screen.open(key=None)
    expect(page.get_by_label("API key")).to_be_visible()
    _expect_nothing(page, "key")
    screen.open()
    expect(page.get_by_text("Online")).to_be_visible()
    _expect_nothing(page, "resources")
    screen.go("#/start")
    page.get_by_label("Capture filter").fill("tcp prot 80")
    expect(page.get_by_text("libpcap: ")).to_be_visible()
    _expect_nothing(page, "start")
    screen.go("#/sessions")
    expect(page.locator(f"[data-session='{demo}']")).to_contain_text("Stopped")
    _expect_nothing(page, "sessions")
    screen.button(f"Delete {demo}").click()
    _expect_nothing(page, "delete")
    screen.watch(demo)
    expect(page.get_by_text("The capture ended")).to_be_visible()
    _expect_nothing(page, "live")
    page.locator(".packet[data-family]").nth(3).click()
    expect(page.get_by_role("treeitem").first).to_be_visible()
    page.get_by_role("treeitem").nth(2).hover()
    _expect_nothing(page, "details")
    page.keyboard.press("?")
    _expect_nothing(page, "keys")


@pytest.mark.parametrize(("width", "height"), WIDTHS)
def test_nothing_breaks_at_any_width(
    tab: Callable[..., Screen], stack: Stack, demo: str, width: int, height: int
) -> None:
    screen = tab(stack, viewport={"width": width, "height": height})
    page = screen.page
    screen.open()
    for route, seen in (
        ("#/resources", ".card"),
        ("#/start", "form.start"),
        ("#/sessions", ".session"),
        (f"#/live/{demo}/beginning", ".packet[data-family]"),
    ):
        screen.go(route)
        page.locator(seen).first.wait_for()
        assert page.evaluate(_TOO_WIDE) == [], route
    page.locator(".packet[data-family]").first.click()
    page.get_by_role("treeitem").first.wait_for()
    assert page.evaluate(_TOO_WIDE) == [], "details"
    box = screen.grid.bounding_box()
    assert box is not None
    assert box["height"] > 200


def _expect_nothing(page: Page, view: str) -> None:
    page.evaluate(AXE)
    assert page.evaluate(_RUN) == [], view
