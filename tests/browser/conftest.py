"""A browser, and `capflow up` to look at with it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import chromium
from tests.browser.screen import Screen
from tests.support.stack import Stack
from tests.support.traffic import Traffic


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for the run."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """`capflow up`, shared by the tests that leave it as it was."""
    # None of them is about a page that falls behind, so none does, however busy the machine is.
    with Stack(tmp_path_factory.mktemp("page"), CAPFLOW_VIEWER_QUEUE="64MiB") as running:
        yield running


@pytest.fixture
def tab(browser: Browser) -> Iterator[Callable[..., Screen]]:
    """Opens tabs, each with cookies and storage of its own."""
    with ExitStack() as opened:

        def open_tab(stack: Stack, **context: Any) -> Screen:
            return opened.enter_context(closing(Screen(browser, stack, **context)))

        yield open_tab


@pytest.fixture
def screen(tab: Callable[..., Screen], stack: Stack) -> Screen:
    """A tab of the usual size."""
    return tab(stack)


@pytest.fixture
def traffic() -> Iterator[Traffic]:
    """Numbered packets on loopback."""
    with closing(Traffic()) as sender:
        yield sender
