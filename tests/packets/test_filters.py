"""Filters of strangers: compiled within bounds, refused with words that help."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from time import monotonic

import pytest

from services.packets.filterprocess import CompilerUnavailable, FilterProcess, TookTooLong
from services.packets.filters import (
    FilterCompiler,
    FilterRefused,
)
from services.packets.libpcap import Instruction, LibpcapMissing
from services.packets.program import Program
from tests.support.sample_packets import cooked_samples, ethernet_samples
from tests.support.wait import until

PLAIN = "tcp port 80"


@pytest.fixture
async def compiler() -> AsyncIterator[FilterCompiler]:
    compiler = FilterCompiler()
    yield compiler
    await compiler.close()


async def refusal(compiler: FilterCompiler, expression: str) -> str:
    with pytest.raises(FilterRefused) as refused:
        await compiler.compile(expression)
    return str(refused.value)


async def test_a_filter_becomes_a_program(compiler: FilterCompiler) -> None:
    program = await compiler.compile(PLAIN, snaplen=96)
    assert program.expression == PLAIN
    returns = [(code, k) for code, _, _, k in program.instructions if code == 6]
    assert returns == [(6, 96), (6, 0)]


@pytest.mark.parametrize("expression", ["", "  \n\t"])
async def test_an_empty_filter_matches_everything_and_starts_no_child(
    compiler: FilterCompiler, expression: str
) -> None:
    program = await compiler.compile(expression, snaplen=96)
    assert program.matches(b"", 0)
    assert list(program.instructions) == [(6, 0, 0, 96)]
    assert compiler.child_pid is None


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("port 80 or", "can't parse filter expression: syntax error"),
        ("tcp port nosuch", "unknown port 'nosuch'"),
        ("host 10.0.0.300", "invalid IPv4 address '10.0.0.300'"),
        ("tcp port 80 and ip6 host 10.0.0.1", "'ip6' modifier applied to ip host"),
    ],
)
async def test_a_refusal_has_libpcaps_own_words(
    compiler: FilterCompiler, expression: str, words: str
) -> None:
    assert words in await refusal(compiler, expression)


@pytest.mark.parametrize("expression", ["a) or (b", "tcp) or (udp", ") (", "tcp)", "(tcp"])
async def test_a_filter_cannot_reach_out_of_its_parentheses(
    compiler: FilterCompiler, expression: str
) -> None:
    with pytest.raises(FilterRefused):
        await compiler.compile(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "host localhost",
        "src host example.org",
        "net loopback",
        "ether host router",
        "ip host a or b",
    ],
)
async def test_names_are_refused_even_those_in_local_files(
    compiler: FilterCompiler, expression: str
) -> None:
    said = await refusal(compiler, expression)
    assert "(names are not looked up: write the address)" in said


async def test_port_names_are_known(compiler: FilterCompiler) -> None:
    named = await compiler.compile("tcp port http")
    assert named.instructions == (await compiler.compile(PLAIN)).instructions


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("tcp\0", "must not hold a NUL character"),
        ("tcp port \ud800", "is not text: it holds half a character"),
        ("tcp or " * 150 + "udp", "takes 1053 bytes, of 1024 allowed"),
        (" or ".join(f"host 10.0.{n >> 8}.{n & 255}" for n in range(2000)), "of 1024 allowed"),
        (" or ".join(f"net 1.{n}" for n in range(80)), "instructions, of 512 allowed"),
        ("ip6 protochain 6", "makes a loop (protochain), which the kernel does not run"),
        ("tcp port é", "syntax error"),
    ],
)
async def test_what_breaks_a_bound_is_refused(
    compiler: FilterCompiler, expression: str, says: str
) -> None:
    started = monotonic()
    assert says in await refusal(compiler, expression)
    assert monotonic() - started < 30


async def test_nothing_in_a_refusal_steers_a_terminal(compiler: FilterCompiler) -> None:
    assert (await refusal(compiler, "port a\x1b[31mb")).isprintable()


async def test_line_breaks_are_white_space(compiler: FilterCompiler) -> None:
    program = await compiler.compile("tcp\nport\r\n80")
    assert program.instructions == (await compiler.compile(PLAIN)).instructions


async def test_other_link_types_have_other_programs(compiler: FilterCompiler) -> None:
    for linktype, data in cooked_samples().items():
        program = await compiler.compile("tcp port 6", linktype)
        assert program.matches(data, len(data))
    bare = await compiler.compile("ip", 101)
    assert bare.matches(b"\x45" + bytes(19), 20)
    with pytest.raises(FilterRefused):
        await compiler.compile("tcp", 60_000)


async def test_a_program_for_the_kernel_finds_a_vlan_beside_the_packet(
    compiler: FilterCompiler,
) -> None:
    beside_the_packet = 0xFFFF_F02C  # SKF_AD_OFF + SKF_AD_VLAN_TAG of <linux/filter.h>
    program = await compiler.compile("vlan 5", kernel=True, snaplen=96)
    assert beside_the_packet in [k for _, _, _, k in program.instructions]
    assert {k for code, _, _, k in program.instructions if code == 6} == {0, 96}
    stored = await compiler.compile("vlan 5")
    assert stored.matches(ethernet_samples()["vlan"], 60)


async def test_the_same_filter_is_compiled_once(compiler: FilterCompiler) -> None:
    first = await compiler.compile(PLAIN)
    assert await compiler.compile(f" {PLAIN} ") is first
    assert await compiler.compile(PLAIN, snaplen=96) is not first


async def test_the_cache_is_bounded() -> None:
    compiler = FilterCompiler(cached=2)
    first = await compiler.compile("port 1")
    await compiler.compile("port 2")
    assert await compiler.compile("port 1") is first
    second = await compiler.compile("port 2")
    await compiler.compile("port 3")
    assert await compiler.compile("port 2") is second
    assert await compiler.compile("port 1") is not first
    await compiler.close()


async def test_a_child_that_was_killed_is_replaced(compiler: FilterCompiler) -> None:
    await compiler.compile("port 1")
    pid = compiler.child_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert (await compiler.compile("port 2")).instructions
    assert compiler.child_pid not in (None, pid)


async def test_a_child_that_takes_too_long_is_killed_and_replaced() -> None:
    compiler = FilterCompiler(limit=0.5)
    await compiler.compile("port 1")
    pid = compiler.child_pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(FilterRefused, match=r"takes longer than 0\.5 s to compile"):
        await compiler.compile("port 2")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert (await compiler.compile("port 2")).instructions
    await compiler.close()


async def test_a_filter_that_libpcap_needs_long_for_ends_in_time() -> None:
    """Given to the child directly: the bound of 1 KiB does not let it through."""
    child = FilterProcess()
    text = " or ".join(f"host 10.0.{n >> 8}.{n & 255}" for n in range(1000))
    question = {"expression": text, "dlt": 1, "snaplen": 96, "most": 512, "kernel": False}
    started = monotonic()
    with pytest.raises(TookTooLong):
        await child.ask(question, 1.0)
    assert monotonic() - started < 10
    await child.close()


async def test_many_at_once_each_get_their_own_program(compiler: FilterCompiler) -> None:
    programs = await asyncio.gather(*(compiler.compile(f"udp port {n}") for n in range(100)))
    for port, program in enumerate(programs):
        assert port in [k for _, _, _, k in program.instructions]


async def test_one_who_stops_waiting_does_not_spoil_the_next(compiler: FilterCompiler) -> None:
    await compiler.compile("port 1")
    waiting = asyncio.create_task(compiler.compile("port 2"))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    program = await compiler.compile("port 3")
    assert 3 in [k for _, _, _, k in program.instructions]


async def test_a_question_the_child_dies_of_is_refused(
    compiler: FilterCompiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were it called unavailable, a command with it would be tried for ever."""
    monkeypatch.setattr("services.packets.filters.dlt_of", lambda _: "nonsense")
    with pytest.raises(FilterRefused, match="libpcap does not survive compiling it"):
        await compiler.compile(PLAIN)


async def test_a_child_that_does_not_start_is_unavailable_until_it_does(
    compiler: FilterCompiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    for program in ("/bin/false", "/no/such/program"):
        with monkeypatch.context() as patched:
            patched.setattr("sys.executable", program)
            with pytest.raises(CompilerUnavailable, match="does not start"):
                await compiler.compile(PLAIN)
    assert (await compiler.compile(PLAIN)).instructions


async def test_without_libpcap_the_error_says_what_to_install(
    compiler: FilterCompiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "services.packets.filterprocess._MODULE", "tests.packets.child_without_libpcap"
    )
    with pytest.raises(LibpcapMissing, match=r"apt-get install libpcap0\.8"):
        await compiler.compile(PLAIN)


async def test_the_child_ends_with_its_compiler(compiler: FilterCompiler) -> None:
    await compiler.compile(PLAIN)
    pid = compiler.child_pid
    assert pid is not None
    await compiler.close()
    await until(lambda: not os.path.exists(f"/proc/{pid}"))
    assert (await compiler.compile("port 9")).instructions


async def test_the_child_is_given_no_secret_of_its_parents(
    compiler: FilterCompiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAPFLOW_ADMIN_KEY", "secret")
    await compiler.compile(PLAIN)
    with open(f"/proc/{compiler.child_pid}/environ", "rb") as environment:
        assert b"secret" not in environment.read()


def test_a_program_reads_no_further_than_the_bytes_captured() -> None:
    loads: list[Instruction] = [(0x28, 0, 0, 12), (0x15, 0, 1, 0x0800), (6, 0, 0, 1), (6, 0, 0, 0)]
    program = Program("ip", loads)
    assert program.matches(bytes(12) + b"\x08\x00", 60)
    assert not program.matches(bytes(12) + b"\x08", 60)
