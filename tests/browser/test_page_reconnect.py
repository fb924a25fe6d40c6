"""Lost connections: said, mended without a click, and without a hole."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.proxied import ProxyThread
from tests.browser.screen import Screen
from tests.support.stack import Stack
from tests.support.traffic import Traffic

LOST = "Connection lost"


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    """`capflow up` for one test, which may kill it; not started."""
    stack = Stack(tmp_path)
    yield stack
    stack.close()


@pytest.mark.parametrize("how", ["cut", "stall"])
def test_the_view_resumes_where_the_connection_broke(
    own_stack: Stack, tab: Callable[..., Screen], traffic: Traffic, how: str
) -> None:
    with ProxyThread(own_stack.ports["streamer"]) as proxy:
        up = own_stack.processes["up"]
        up.environment["CAPFLOW_STREAM_URL"] = f"ws://127.0.0.1:{proxy.port}/v1/stream"
        own_stack.start()
        screen = tab(own_stack)
        screen.open()
        screen.start(filter=traffic.filter)
        screen.expect_running()
        traffic.send(5)
        screen.expect_figure("Sent", 5)

        screen.page.route("**/ticket", lambda route: route.abort())
        getattr(proxy, how)()
        expect(screen.page.get_by_text(LOST)).to_be_visible()
        traffic.send(5)
        screen.page.unroute("**/ticket")
        screen.expect_figure("Sent", 10)
        expect(screen.page.get_by_text(LOST)).to_be_hidden()
        assert screen.rows() == [str(number) for number in range(10)]
        screen.stop()


def test_a_gateway_that_went_is_said_to_be_away_and_then_to_be_back(
    own_stack: Stack, tab: Callable[..., Screen]
) -> None:
    own_stack.start()
    screen = tab(own_stack)
    screen.open()
    expect(screen.page.get_by_text("Online")).to_be_visible()
    own_stack.processes["up"].kill()
    expect(screen.page.get_by_text("The gateway cannot be reached.")).to_be_visible()
    expect(screen.page.get_by_text("Online")).to_be_visible()  # what was read stays in sight
    own_stack.processes["up"].start()
    expect(screen.page.get_by_text("The gateway is back.")).to_be_visible()
    expect(screen.page.get_by_text("The gateway cannot be reached.")).to_be_hidden()
