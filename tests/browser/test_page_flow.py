"""From the address that `capflow up` prints to the end of a capture, by clicks and keys."""

import re
import socket
import threading
from contextlib import closing

from playwright.sync_api import expect

from tests.browser.screen import Screen
from tests.support.stack import ADMIN_KEY, RESOURCE
from tests.support.traffic import Traffic


def test_the_key_leaves_the_address_and_stays_in_the_tab(screen: Screen) -> None:
    screen.open()
    expect(screen.page.get_by_role("heading", name=RESOURCE)).to_be_visible()
    assert "key" not in screen.page.url
    screen.page.reload()
    expect(screen.page.get_by_role("heading", name=RESOURCE)).to_be_visible()
    screen.button("Forget key").click()
    expect(screen.page.get_by_label("API key")).to_be_visible()


def test_without_a_key_it_is_asked_for_once(screen: Screen) -> None:
    screen.open(key=None)
    screen.page.get_by_label("API key").fill("wrong-key")
    screen.page.keyboard.press("Enter")
    expect(screen.page.get_by_role("alert")).to_contain_text("does not know this key")
    screen.page.get_by_label("API key").fill(ADMIN_KEY)
    screen.button("Continue").click()
    expect(screen.page.get_by_role("heading", name=RESOURCE)).to_be_visible()


def test_a_capture_from_start_to_delete(screen: Screen, traffic: Traffic) -> None:
    page = screen.page
    screen.open()
    session = screen.start(filter=traffic.filter)
    screen.expect_running()
    traffic.send(50)
    screen.expect_figure("Sent", 50)
    assert screen.rows()[-1] == "49"  # the tail is followed

    page.get_by_role("row", name=re.compile("^49 ")).click()
    details = page.get_by_role("region", name="Packet 49")
    expect(page.get_by_role("row", name=re.compile("^49 "))).to_be_in_viewport()
    expect(details.get_by_role("treeitem", name=re.compile("^UDP"))).to_be_visible()
    details.get_by_role("treeitem", name=re.compile("^dport")).hover()
    assert details.locator(".bytes .lit").all_inner_texts() == [
        f"{byte:02x}" for byte in traffic.port.to_bytes(2, "big")
    ]
    page.keyboard.press("Escape")
    expect(details).to_be_hidden()

    screen.stop()
    screen.expect_figure("Stored", 50)

    page.get_by_role("link", name="Sessions").click()
    with page.expect_download() as download:
        screen.button(f"Download {session}").click()
    assert download.value.suggested_filename == f"{session}.pcapng"
    assert download.value.path().read_bytes().count(traffic.run) == 50
    screen.button(f"Delete {session}").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator(f"[data-session='{session}']")).to_be_hidden()


def test_a_filter_is_checked_while_one_types(screen: Screen) -> None:
    screen.open("#/start")
    field = screen.page.get_by_label("Capture filter")
    field.fill("tcp prot 80")
    expect(screen.page.get_by_text("libpcap: ")).to_contain_text("syntax error")
    expect(screen.button("Start and watch")).to_be_disabled()
    screen.button("DNS").click()
    expect(field).to_have_value("port 53")
    expect(screen.page.get_by_text("libpcap takes this filter.")).to_be_visible()


def test_a_refused_start_leads_to_the_capture_that_runs(screen: Screen) -> None:
    screen.open()
    session = screen.start("demo")
    screen.go(f"#/start/{RESOURCE}/demo")
    screen.button("Start and watch").click()
    screen.page.get_by_role("link", name="Watch the one that runs").click()
    screen.page.wait_for_url(re.compile(re.escape(session)))
    screen.stop()


def test_limits_above_the_caps_are_told(screen: Screen) -> None:
    screen.open()
    screen.start("demo", Seconds="1000000")
    expect(screen.page.get_by_text("The operator's caps hold")).to_contain_text("24 h.")
    screen.stop()


def test_pause_and_resume_lose_nothing(screen: Screen, traffic: Traffic) -> None:
    screen.open()
    screen.start("udp", filter=traffic.filter)
    screen.expect_running()
    traffic.send(6)
    screen.expect_figure("Sent", 6)
    screen.button("Pause").click()
    expect(screen.page.get_by_text("Paused.")).to_be_visible()
    traffic.send(6)
    screen.expect_figure("Stored", 12)
    screen.expect_figure("Sent", 6)
    screen.button("Resume").click()
    screen.expect_figure("Sent", 12)
    assert screen.rows() == [str(number) for number in range(12)]
    screen.stop()


def test_a_viewers_filter_and_a_jump_to_a_number(screen: Screen, traffic: Traffic) -> None:
    page = screen.page
    screen.open()
    screen.start("udp", filter=f"udp dst port {traffic.port} or udp src port {traffic.port}")
    screen.expect_running()
    traffic.send(300)
    screen.expect_figure("Sent", 300)
    page.get_by_label("Go to number").fill("120")
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Packet 120")).to_be_visible()
    assert "120" in screen.rows()
    page.get_by_label("Show only").fill(f"udp src port {traffic.port}")
    page.keyboard.press("Enter")
    screen.expect_figure("Filtered", 300)
    expect(page.get_by_text("No packet has passed the filter yet.")).to_be_visible()
    screen.button("Clear").click()
    screen.expect_figure("Sent", 300)
    screen.stop()


def test_the_keyboard_walks_through_packets(screen: Screen, traffic: Traffic) -> None:
    page = screen.page
    screen.open()
    screen.start("udp", filter=traffic.filter)
    screen.expect_running()
    traffic.send(100)
    screen.expect_figure("Sent", 100)
    screen.grid.focus()
    page.keyboard.press("Home")
    expect(page.get_by_role("region", name="Packet 0")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    packet = page.get_by_role("region", name="Packet 2")
    expect(packet.get_by_role("treeitem", name="Ethernet")).to_be_visible()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    expect(page.locator("[role=treeitem]:focus")).to_contain_text("dst")
    page.keyboard.press("Escape")
    page.keyboard.press("End")
    expect(page.get_by_role("region", name="Packet 99")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("f")
    expect(screen.button("Follow")).to_have_attribute("aria-pressed", "true")
    screen.stop()


def test_markup_in_packets_stays_text(screen: Screen) -> None:
    screen.open()
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        screen.start(filter=f"tcp port {port}")
        screen.expect_running()
        taking = threading.Thread(target=lambda: server.accept()[0].close())
        taking.start()
        with closing(socket.create_connection(("127.0.0.1", port))) as client:
            client.sendall(b"GET /<img/src=x/onerror=alert(1)> HTTP/1.1\r\n\r\n")
            taking.join()
    expect(screen.grid).to_contain_text("<img/src=x/onerror=alert(1)>")
    assert screen.page.locator(".packets img").count() == 0
    screen.page.get_by_role("row", name="GET /<img").click()
    cells = screen.page.locator(".hex .ascii i")
    expect(cells.get_by_text("G", exact=True).first).to_be_visible()
    widths = cells.evaluate_all("cells => cells.map((cell) => cell.offsetWidth)")
    assert len(set(widths)) == 1, "a space takes as much room as a letter"
    screen.stop()
