"""Link types by name and by the kernel's numbers."""

from services.packets import linktypes


def test_loopback_and_ethernet_interfaces_are_ethernet() -> None:
    assert linktypes.of_arphrd(1) == linktypes.of_arphrd(772) == linktypes.ETHERNET


def test_a_tunnel_is_bare_ip_which_libpcap_numbers_otherwise() -> None:
    assert linktypes.of_arphrd(0xFFFE) == linktypes.RAW
    assert linktypes.dlt_of(linktypes.RAW) == linktypes.RAW_BSD
    assert linktypes.dlt_of(linktypes.LINUX_SLL2) == linktypes.LINUX_SLL2


def test_an_interface_we_do_not_know_has_no_link_type() -> None:
    assert linktypes.of_arphrd(512) is None


def test_every_link_type_has_a_name() -> None:
    assert linktypes.name_of(276) == "Linux cooked v2"
    assert linktypes.name_of(4711) == "link type 4711"
