"""The page as people see it: found by role and name, used by clicks and keys."""

import re
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect

from tests.browser.chromium import PATIENCE_MS
from tests.support.stack import ADMIN_KEY, RESOURCE, Stack

_EXPECTED = re.compile("the server responded with a status of|net::ERR_|WebSocket connection to")


class Screen:
    """One tab. What the browser complains of (scripts, policy) is kept in `complaints`."""

    def __init__(self, browser: Browser, stack: Stack, **context: Any) -> None:
        self.stack = stack
        self.complaints: list[str] = []
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}} | context)
        self.context.set_default_timeout(PATIENCE_MS)
        self.page: Page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._said)

    def close(self) -> None:
        """Close the tab; nothing may have been complained of."""
        self.context.close()
        assert self.complaints == []

    def open(self, route: str = "", key: str | None = ADMIN_KEY) -> None:
        """Open the page; with the key, as `capflow up` prints its address."""
        self.page.goto(self.stack.rest + "/" + (f"#key={key}" if key else ""))
        if route:
            self.go(route)

    def go(self, route: str) -> None:
        """Follow a link inside the page."""
        self.page.evaluate("address => { location.hash = address }", route)

    def button(self, name: str | re.Pattern[str]) -> Locator:
        """A button by its name."""
        return self.page.get_by_role("button", name=name, exact=isinstance(name, str))

    def start(self, service: str = "lo", filter: str = "", **fields: str) -> str:
        """Start a capture by clicks, from the resources on; its session."""
        self.page.get_by_role("link", name="Resources").click()
        self.page.get_by_role("link", name=f"Capture {service} on {RESOURCE}").click()
        self.page.get_by_label("Capture filter").fill(filter)
        for label, value in fields.items():
            self.page.get_by_label(label, exact=True).fill(value)
        self.button("Start and watch").click()
        self.page.wait_for_url(re.compile(r"#/live/"))
        return self.page.url.split("#/live/")[1].split("/")[0]

    def stop(self) -> None:
        """Stop the capture in sight, and wait until its end is shown."""
        self.button("Stop capture").click()
        self.page.get_by_role("dialog").get_by_role("button", name="Stop capture").click()
        expect(self.page.get_by_text("The capture ended: somebody stopped it.")).to_be_visible()

    def expect_running(self) -> None:
        """Wait until the capture in sight runs: packets sent from now on are in it."""
        expect(self.page.get_by_text("Running", exact=True)).to_be_visible()

    def watch(self, session: str, start: str = "beginning") -> None:
        """Open a capture."""
        self.go(f"#/live/{session}/{start}")

    @property
    def grid(self) -> Locator:
        """The packet list."""
        return self.page.get_by_role("grid", name="Packets")

    def rows(self) -> list[str]:
        """The numbers of the packets in sight."""
        return self.page.locator(".packet[data-family]:visible .c-number").all_inner_texts()

    def figure(self, name: str) -> Locator:
        """A count of the ledger."""
        return self.page.locator(".ledger > div").filter(has_text=name).locator("dd")

    def expect_figure(self, name: str, value: int) -> None:
        """Wait until a count of the ledger is `value`."""
        expect(self.figure(name)).to_have_text(f"{value:,}")

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not _EXPECTED.search(message.text):
            self.complaints.append(message.text)
