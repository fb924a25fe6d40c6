"""Debian's Chromium, driven by Playwright."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

PROGRAM = Path("/usr/bin/chromium")
PATIENCE_MS = 30_000
# As root there is no sandbox to be had; the rest keeps the browser from calling home.
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A file that a test puts in place has no address, so that it would count as from outside.
    "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window."""
    assert PROGRAM.exists(), f"{PROGRAM} is missing: apt-get install chromium"
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=_FLAGS, headless=True)
        yield browser
        browser.close()
