"""What the page's own thread did, by Chromium's account of it.

Frames can also be late because other processes have the cores. The time that a task had a core to
itself (`tdur`) tells what the page itself costs, however busy the machine is.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import Browser, Page

_TASKS = ("ThreadControllerImpl::RunTask", "RunTask")


@dataclass
class Work:
    """Tasks of the page's main thread."""

    longest: float = 0.0
    """Milliseconds of the processor that the longest one took."""
    tasks: int = 0


@contextmanager
def traced(browser: Browser, page: Page) -> Iterator[Work]:
    """Trace the page while the block runs; the result is there after it."""
    work = Work()
    browser.start_tracing(page=page, categories=["toplevel", "devtools.timeline", "__metadata"])
    try:
        yield work
    finally:
        events = json.loads(browser.stop_tracing())["traceEvents"]
    threads = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    spent = [
        event.get("tdur", event["dur"]) / 1000
        for event in events
        if event["name"] in _TASKS and (event["pid"], event["tid"]) in threads and "dur" in event
    ]
    work.longest, work.tasks = max(spent, default=0.0), len(spent)
