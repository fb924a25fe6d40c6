"""Own traffic is left out, whatever the user's filter says."""

import struct

import pytest

from services.agent.addresses import Place, is_local, look_up, place_of, places_of
from services.agent.bpf import chain
from services.agent.exclusion import Peer, exclusions
from services.agent.own_traffic import OwnTraffic
from services.agent.settings import AgentSettings
from services.agent.source import Instruction, Rule, Screen
from services.packets.filters import FilterCompiler
from services.packets.program import Program
from services.runtime.settings import load


def _tcp(source: str, sport: int, destination: str, dport: int) -> bytes:
    addresses = bytes(int(part) for name in (source, destination) for part in name.split("."))
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0, 64, 6, 0) + addresses
    return (
        bytes(12) + b"\x08\x00" + ip + struct.pack("!HHIIBBHHH", sport, dport, 0, 0, 80, 0, 0, 0, 0)
    )


async def _passes(filters: list[str], *packets: bytes) -> list[bool]:
    compiler = FilterCompiler()
    rules = tuple([Rule(text, await compiler.compile(text)) for text in filters])
    await compiler.close()
    program = Program("", chain(Screen(rules, 99)))
    taken = [Screen(rules, 99).take((0, len(data), data)) is not None for data in packets]
    assert [program.matches(data, len(data)) for data in packets] == taken
    return taken


PEERS = [Peer(frozenset({"10.0.0.5", "2001:db8::5"}), 5672), Peer(frozenset(), 27017)]
TO_BUS = _tcp("10.0.0.9", 40000, "10.0.0.5", 5672)
FROM_BUS = _tcp("10.0.0.5", 5672, "10.0.0.9", 40000)
TO_STORE = _tcp("10.0.0.9", 40000, "10.0.0.7", 27017)
OTHER_BUS = _tcp("10.0.0.9", 40000, "10.0.0.6", 5672)
BUS_HOST = _tcp("10.0.0.9", 5672, "10.0.0.5", 80)
OTHERS = (OTHER_BUS, BUS_HOST)


async def test_the_peers_traffic_is_out_both_ways_and_nothing_else() -> None:
    passed = await _passes(exclusions(PEERS), TO_BUS, FROM_BUS, TO_STORE, *OTHERS)
    assert passed == [False, False, False, True, True]


@pytest.mark.parametrize("user", ["tcp", "tcp or vlan", "vlan or tcp", "mpls or tcp", "not udp"])
async def test_no_users_filter_lets_own_traffic_through(user: str) -> None:
    for filters in ([*exclusions(PEERS), user], [user, *exclusions(PEERS)]):
        assert not any(await _passes(filters, TO_BUS, FROM_BUS, TO_STORE))


async def test_every_filter_of_a_chain_must_hold() -> None:
    filters = ["tcp", "dst host 10.0.0.5", "dst port 80"]
    assert await _passes(filters, TO_BUS, BUS_HOST, OTHER_BUS) == [False, True, False]


def test_a_chain_of_nothing_takes_everything_cut_to_the_snap_length() -> None:
    assert chain(Screen((), 77)) == [(0x06, 0, 0, 77)]


def test_a_chain_keeps_each_part_and_jumps_forward_only() -> None:
    program = Program("", [(0x28, 0, 0, 12), (0x15, 0, 1, 8), (0x06, 0, 0, 9), (0x06, 0, 0, 0)])
    chained: list[Instruction] = chain(Screen((Rule("", program), Rule("", program)), 64))
    assert chained == [
        (0x28, 0, 0, 12), (0x15, 0, 1, 8), (0x05, 0, 0, 1), (0x06, 0, 0, 0),
        (0x28, 0, 0, 12), (0x15, 0, 1, 8), (0x05, 0, 0, 1), (0x06, 0, 0, 0),
        (0x06, 0, 0, 64),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("url", "places"),
    [
        ("memory://", []),
        ("sqlite:///x/packets.db", []),
        ("amqp://u:p@rabbit/v", [Place("rabbit", 5672)]),
        ("amqps://u:p@[::1]", [Place("::1", 5671)]),
        ("amqp://u:p%40@[::1]:5673/v", [Place("::1", 5673)]),
        ("mongodb://u:p@a,b:27018/db?x=1", [Place("a", 27017), Place("b", 27018)]),
        ("mongodb+srv://u:p@cluster/db", [Place(None, 27017)]),
    ],
)
def test_the_places_of_an_address_are_found(url: str, places: list[Place]) -> None:
    assert places_of(url) == places


def test_a_star_and_the_unspecified_address_are_any_host() -> None:
    assert [place_of(text) for text in ("*:80", "0.0.0.0:80", "[::]:80")] == [Place(None, 80)] * 3


async def _peers(**fields: object) -> set[Peer]:
    async def lookup(host: str) -> frozenset[str]:
        return frozenset({"bus": {"10.0.0.5"}, "db": {"10.0.0.7"}}.get(host, {host}))

    settings = load(AgentSettings, **fields)
    own = OwnTraffic(settings, lookup=lookup, is_local=lambda address: address == "127.0.0.1")
    return set(await own.peers())


async def test_bus_and_endpoints_are_own_traffic_and_a_far_gateway_is_not() -> None:
    assert await _peers(bus_url="amqp://u:p@bus", endpoints="a=mongodb://db") == {
        Peer(frozenset({"10.0.0.5"}), 5672),
        Peer(frozenset({"10.0.0.7"}), 27017),
    }


@pytest.mark.parametrize("bus", ["memory://", "amqp://u:p@127.0.0.1"])
async def test_on_one_host_gateway_and_streamer_are_left_out_too(bus: str) -> None:
    peers = await _peers(bus_url=bus, gateway_port=9080, streamer_port=9081, host="127.0.0.1")
    assert {Peer(frozenset({"127.0.0.1"}), port) for port in (9080, 9081)} <= peers


async def test_in_one_process_they_are_left_out_wherever_the_bus_is() -> None:
    settings = load(
        AgentSettings, bus_url="amqp://u:p@192.0.2.1", endpoints="a=mongodb://192.0.2.1"
    )
    own = OwnTraffic(settings, beside=True)
    assert {8080, 8081} <= {peer.port for peer in await own.peers()}


async def test_more_can_be_named() -> None:
    peers = await _peers(bus_url="amqp://u:p@bus", exclude="db:443, *:22")
    assert {Peer(frozenset({"10.0.0.7"}), 443), Peer(frozenset(), 22)} <= peers


async def test_a_name_that_nobody_knows_is_left_out_by_its_port() -> None:
    assert await look_up("no-such-host.invalid") == frozenset()
    assert exclusions([Peer(frozenset(), 5672)]) == ["not tcp port 5672"]


async def test_names_become_addresses() -> None:
    assert "127.0.0.1" in await look_up("localhost")


def test_an_address_of_this_host_is_known_as_such() -> None:
    assert is_local("127.0.0.1")
    assert not is_local("192.0.2.1")
