"""The functions of libpcap that Capflow needs, through ctypes (pcap(3PCAP), bpf(4)).

Loaded when it is first called for, and once: `libpcap()` is the library or LibpcapMissing.
"""

import ctypes
from collections.abc import Callable
from ctypes import POINTER, c_char_p, c_int, c_ubyte, c_uint, c_ushort, c_void_p
from functools import cache

from services.runtime.errors import CapflowError

LIBRARY = "libpcap.so.0.8"
OPTIMIZE = 1
NETMASK_UNKNOWN = 0xFFFF_FFFF
_ERROR_BUFFER_SIZE = 256

Instruction = tuple[int, int, int, int]
"""A BPF instruction: code, jump if true, jump if false, operand."""


class LibpcapMissing(CapflowError):
    """libpcap could not be loaded; the text says what to install."""


class BpfInstruction(ctypes.Structure):
    """`struct bpf_insn`, and the kernel's `struct sock_filter` likewise."""

    _fields_ = (("code", c_ushort), ("jt", c_ubyte), ("jf", c_ubyte), ("k", c_uint))


class BpfProgram(ctypes.Structure):
    """`struct bpf_program`."""

    _fields_ = (("length", c_uint), ("instructions", POINTER(BpfInstruction)))


def _declare(library: ctypes.CDLL) -> None:
    signatures = {
        "pcap_open_dead": (c_void_p, [c_int, c_int]),
        "pcap_create": (c_void_p, [c_char_p, c_char_p]),
        "pcap_set_snaplen": (c_int, [c_void_p, c_int]),
        "pcap_set_buffer_size": (c_int, [c_void_p, c_int]),
        "pcap_activate": (c_int, [c_void_p]),
        "pcap_close": (None, [c_void_p]),
        "pcap_geterr": (c_char_p, [c_void_p]),
        "pcap_compile": (c_int, [c_void_p, POINTER(BpfProgram), c_char_p, c_int, c_uint]),
        "pcap_freecode": (None, [POINTER(BpfProgram)]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments


@cache
def libpcap() -> ctypes.CDLL:
    """The library. Raises LibpcapMissing."""
    library = _loaded(ctypes.CDLL)
    _declare(library)
    return library


@cache
def bpf_filter() -> Callable[[int, int | bytes, int, int], int]:
    """The function that runs instructions over a packet: their address, the packet (or its
    address), its length on the wire, the bytes captured. 0 is no match. Raises LibpcapMissing.

    It keeps Python's global lock: it takes under a microsecond, and to give the lock up for each
    packet of a block is to wait a thread switch (5 ms) for each while another thread is busy.
    """
    function = _loaded(ctypes.PyDLL).bpf_filter
    function.restype, function.argtypes = c_uint, [c_void_p, c_void_p, c_uint, c_uint]
    run: Callable[[int, int | bytes, int, int], int] = function
    return run


def _loaded(kind: type[ctypes.CDLL]) -> ctypes.CDLL:
    try:
        return kind(LIBRARY)
    except OSError as error:
        raise LibpcapMissing(
            f"{LIBRARY} cannot be loaded ({error}): install it, as root: apt-get install libpcap0.8"
        ) from error


def open_dead(dlt: int, snaplen: int) -> int:
    """A handle to compile filters for stored packets with; give it to `pcap_close`."""
    return int(libpcap().pcap_open_dead(dlt, snaplen))


def open_live(interface: str, snaplen: int) -> int | None:
    """A handle on an interface; None without the right to capture there.

    Only such a one makes `vlan` and `inbound` look where the Linux kernel keeps what they ask
    for: beside the packet, not in it.
    """
    library = libpcap()
    problem = ctypes.create_string_buffer(_ERROR_BUFFER_SIZE)
    handle = library.pcap_create(interface.encode(), problem)
    if not handle:
        return None
    library.pcap_set_snaplen(handle, snaplen)
    library.pcap_set_buffer_size(handle, snaplen)
    if library.pcap_activate(handle) < 0:
        library.pcap_close(handle)
        return None
    return int(handle)


def compile_on(handle: int, expression: bytes) -> list[Instruction] | str:
    """The instructions of a filter (pcap_compile(3PCAP)), or libpcap's words against it."""
    library, program = libpcap(), BpfProgram()
    if library.pcap_compile(handle, program, expression, OPTIMIZE, NETMASK_UNKNOWN) != 0:
        return str(library.pcap_geterr(handle).decode("utf-8", "replace"))
    try:
        rows = program.instructions[: program.length]
        return [(row.code, row.jt, row.jf, row.k) for row in rows]
    finally:
        library.pcap_freecode(program)


def libpcap_version() -> str:
    """What the library says of itself. Raises LibpcapMissing."""
    library = libpcap()
    library.pcap_lib_version.restype = ctypes.c_char_p
    text: bytes = library.pcap_lib_version()
    return text.decode()
