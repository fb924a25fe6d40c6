"""Many packets: no frame is held up, memory stays bounded, and any of them can be reached."""

import re
import time

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.screen import Screen
from tests.browser.stub_stream import SESSION, stub_stream
from tests.browser.tracing import traced
from tests.support.traffic import Traffic

MANY = 100_000
FAST = 50_000
"""Packets a second."""
MILLIONS = 5_000_000
MOST_HEAP = 256 << 20
LONGEST_FRAME_MS = 100
_BURST = 500
_PER_SECOND = 20_000
_FRAMES = """() => {
    const gaps = globalThis.frames_seen = [];
    let last = performance.now();
    const next = (now) => {
        gaps.push(now - last);
        last = now;
        requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
}"""


@pytest.mark.timeout(300)
def test_a_hundred_thousand_packets_hold_up_no_frame(
    browser: Browser, screen: Screen, traffic: Traffic
) -> None:
    page = screen.page
    screen.open()
    screen.start(filter=traffic.filter)
    screen.expect_running()
    page.evaluate(_FRAMES)
    with traced(browser, page) as work:
        _send(traffic, MANY)
        expect(screen.figure("Captured")).to_have_text(f"{MANY:,}", timeout=60_000)
        expect(screen.figure("Sent")).to_have_text(f"{MANY:,}", timeout=60_000)
    gaps = sorted(page.evaluate("frames_seen"))
    told = f"{len(gaps)} frames, median {gaps[len(gaps) // 2]:.0f} ms, worst {gaps[-1]:.0f} ms"
    assert work.tasks > 1000, f"the trace is empty: {work}"
    assert work.longest < LONGEST_FRAME_MS, f"{work}; {told}"
    assert screen.rows()[-1] == f"{MANY - 1:,}"

    screen.grid.focus()
    page.keyboard.press("Home")
    expect(page.locator(".packet .c-number").get_by_text("0", exact=True)).to_be_visible()
    page.get_by_label("Go to number").fill(str(MANY // 2))
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name=f"Packet {MANY // 2}")).to_be_visible()
    assert page.locator(".packet").count() < 100  # rows are painted for what is in sight alone
    screen.stop()


def test_fifty_thousand_packets_a_second_hold_up_no_frame(browser: Browser, screen: Screen) -> None:
    page = screen.page
    stub_stream(page, 4 * FAST, FAST)
    screen.open()
    screen.watch(SESSION, "live")
    expect(page.locator(".packet[data-family]").first).to_be_visible()
    with traced(browser, page) as work:
        expect(screen.figure("Sent")).to_have_text(f"{4 * FAST:,}", timeout=60_000)
    assert work.tasks > 100, f"the trace is empty: {work}"
    assert work.longest < LONGEST_FRAME_MS, f"{work}"


@pytest.mark.timeout(300)
def test_five_million_rows_are_as_light_as_a_few(browser: Browser, screen: Screen) -> None:
    page = screen.page
    stub_stream(page, MILLIONS, 10 * MILLIONS)
    screen.open()
    screen.watch(SESSION, "live")
    expect(screen.figure("Sent")).to_have_text(f"{MILLIONS:,}", timeout=240_000)
    assert page.locator(".packet").count() < 100
    heap = page.workers[0].evaluate("performance.memory?.usedJSHeapSize ?? 0")
    assert heap < MOST_HEAP, f"the worker holds {heap >> 20} MiB"
    assert screen.rows()[-1] == f"{MILLIONS - 1:,}"
    with traced(browser, page) as work:
        page.get_by_label("Go to number").fill("1234567")
        page.keyboard.press("Enter")
        expect(page.get_by_role("row", name=re.compile("^1,?234,?567 "))).to_be_in_viewport()
        screen.grid.focus()
        page.keyboard.press("Home")
        expect(page.locator(".packet .c-number").get_by_text("0", exact=True)).to_be_visible()
        page.keyboard.press("End")
        expect(page.get_by_role("row", name=re.compile("^4,?999,?999 "))).to_be_in_viewport()
    assert work.longest < LONGEST_FRAME_MS, f"{work}"


def test_nothing_is_asked_for_or_drawn_while_the_page_is_hidden(screen: Screen) -> None:
    """A hidden page is given no frames; here they are withheld."""
    page = screen.page
    page.add_init_script(_FRAMES_WITHHELD)
    stub_stream(page, 10 * FAST, FAST)
    screen.open()
    screen.watch(SESSION, "live")
    expect(page.locator(".packet[data-family]").first).to_be_visible()
    page.evaluate("hide()")
    page.wait_for_function("frames_due.length > 0")  # the one that shows what is new
    heard, seen = page.evaluate("heard"), screen.rows()
    page.wait_for_timeout(1000)  # what must not happen needs a while in which it could
    assert page.evaluate("heard") <= heard + 1  # that there is something new is said once
    assert screen.rows() == seen
    page.evaluate("show()")
    expect(screen.figure("Sent")).to_have_text(f"{10 * FAST:,}", timeout=60_000)
    assert screen.rows()[-1] == f"{10 * FAST - 1:,}"


_FRAMES_WITHHELD = """
const frame = globalThis.requestAnimationFrame;
globalThis.frames_due = [];
globalThis.hide = () => {
  globalThis.requestAnimationFrame = (act) => frames_due.push(act);
};
globalThis.show = () => {
  globalThis.requestAnimationFrame = frame;
  frames_due.splice(0).forEach((act) => frame(act));
};
globalThis.heard = 0;
const Plain = Worker;
globalThis.Worker = class extends Plain {
  constructor(...how) {
    super(...how);
    this.addEventListener("message", () => (globalThis.heard += 1));
  }
};
"""


def _send(traffic: Traffic, count: int) -> None:
    began = time.monotonic()
    for sent in range(0, count, _BURST):
        traffic.send(_BURST)
        ahead = (sent + _BURST) / _PER_SECOND - (time.monotonic() - began)
        if ahead > 0:
            time.sleep(ahead)
