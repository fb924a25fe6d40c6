"""Filters agree with tcpdump, and summaries with tshark, on a corpus of every kind of packet."""

import asyncio
import subprocess
from pathlib import Path

import pytest

from services.packets.filters import FilterCompiler
from services.packets.pcapng import enhanced_packet, frames_of, interface_block, section_header
from services.packets.program import Program
from services.packets.summary import summarise
from tests.support.sample_packets import ethernet_samples

NAMES, PACKETS = list(ethernet_samples()), list(ethernet_samples().values())
BLOCK = b"".join(enhanced_packet(at, data, len(data)) for at, data in enumerate(PACKETS))

FILTERS = [
    "tcp",
    "udp and not port 53",
    "ip6",
    "arp or icmp or icmp6",
    "host 10.0.0.1 and tcp",
    "src host 2001:db8::1",
    "net 10.0.0.0/8",
    "tcp[tcpflags] & tcp-syn != 0",
    "port domain",
    "portrange 4000-4001",
    "vlan",
    "vlan 5",
    "vlan and udp",
    "ether host 02:00:00:00:00:0a",
    "ether proto 0x88cc",
    "greater 90",
    "less 60",
    "len == 54",
    "ip[6:2] & 0x1fff != 0",
    "ip proto 47",
    "stp",
    "ip multicast",
    "tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420",
]
SAME_NAMES = {"TLSv1": "TLS", "TLSv1.2": "TLS", "TLSv1.3": "TLS"}
OTHERWISE = {
    "first fragment": "tshark waits for the rest of it",
    "icmp unreachable": "tshark shows the addresses of the packet inside as well",
}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "corpus.pcapng"
    path.write_bytes(section_header() + interface_block(1) + BLOCK)
    return path


@pytest.fixture(scope="module")
def programs() -> dict[str, Program]:
    async def compiled() -> dict[str, Program]:
        compiler = FilterCompiler()
        try:
            return {text: await compiler.compile(text) for text in FILTERS}
        finally:
            await compiler.close()

    return asyncio.run(compiled())


def tcpdump_passes(file: Path, expression: str, tmp_path: Path) -> list[bytes]:
    """What tcpdump keeps of the corpus."""
    kept = tmp_path / "kept.pcap"
    command = ["tcpdump", "--nano", "-Z", "root", "-r", str(file), "-w", str(kept), expression]
    subprocess.run(command, check=True, capture_output=True)
    rows = subprocess.run(
        ["tshark", "-n", "-r", str(kept), "-T", "fields", "-e", "frame.time_epoch"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    return [PACKETS[int(row.replace(".", ""))] for row in rows]


@pytest.mark.parametrize("expression", FILTERS)
def test_a_filter_passes_what_tcpdump_passes(
    file: Path, programs: dict[str, Program], expression: str, tmp_path: Path
) -> None:
    program = programs[expression]
    expected = tcpdump_passes(file, expression, tmp_path)
    assert [data for data in PACKETS if program.matches(data, len(data))] == expected
    assert [PACKETS[at] for at in program.passing(BLOCK, frames_of(BLOCK))] == expected


def test_addresses_and_protocols_are_those_that_tshark_shows(file: Path) -> None:
    columns = "_ws.col.Protocol", "_ws.col.Source", "_ws.col.Destination"
    options = [option for column in columns for option in ("-e", column)]
    done = subprocess.run(
        ["tshark", "-n", "-r", str(file), "-T", "fields", *options],
        check=True,
        capture_output=True,
        text=True,
    )
    for name, data, line in zip(NAMES, PACKETS, done.stdout.splitlines(), strict=True):
        if name in OTHERWISE:
            continue
        protocol, source, destination = line.split("\t")
        found = summarise(data, 1)
        assert found.protocol == SAME_NAMES.get(protocol, protocol), name
        assert _address(found.source) == source, name
        assert _address(found.destination) == destination, name


def _address(shown: str) -> str:
    """An address without its port."""
    if shown.startswith("["):
        return shown[1:].split("]", 1)[0]
    return shown if shown.count(":") > 1 else shown.split(":", 1)[0]
