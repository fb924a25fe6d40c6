"""Many packets: no frame is held up, memory stays bounded, and any of them can be reached."""

import time

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.screen import Screen
from tests.browser.tracing import traced
from tests.support.traffic import Traffic

MANY = 100_000
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
    assert gaps[len(gaps) // 2] < LONGEST_FRAME_MS, told
    assert screen.rows()[-1] == f"{MANY - 1:,}"

    screen.grid.focus()
    page.keyboard.press("Home")
    expect(page.locator(".packet .c-number").get_by_text("0", exact=True)).to_be_visible()
    page.get_by_label("Go to number").fill(str(MANY // 2))
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name=f"Packet {MANY // 2}")).to_be_visible()
    assert page.locator(".packet").count() < 100  # rows are painted for what is in sight alone
    screen.stop()


def _send(traffic: Traffic, count: int) -> None:
    began = time.monotonic()
    for sent in range(0, count, _BURST):
        traffic.send(_BURST)
        ahead = (sent + _BURST) / _PER_SECOND - (time.monotonic() - began)
        if ahead > 0:
            time.sleep(ahead)
