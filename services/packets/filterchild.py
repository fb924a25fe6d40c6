"""The process that compiles filters: `python -m services.packets.filterchild`.

libpcap may take minutes over a filter, and asks the name service for `host some-name`; here the
one ends with this process, and the other cannot be. A line of JSON in, a line of JSON out:

    {"expression", "dlt", "snaplen", "most", "kernel"}   →   {"instructions"} or {"refused"}

The first line out is {"ready": true}, or {"missing"} with what to install.
"""

import ctypes
import json
import resource
import signal
import sys
from typing import Any

from services.packets import libpcap

MEMORY = 512 << 20
"""Bytes of address space; libpcap then says that it is out of memory."""
SECONDS = 10
"""What the parent has long given up on ends by itself, should the parent be gone."""

_DATABASES = (b"hosts", b"networks", b"ethers")
_NAME_HINT = " (names are not looked up: write the address)"
_JUMP_ALWAYS = 0x05
_BACKWARD = 1 << 31


def forbid_lookups() -> None:
    """No name of a host or network is looked up from now on, in a file or by DNS.

    Port names still are, in /etc/services. The C library is told to find hosts in a source that
    does not exist; one that cannot be told so gets no further file or socket at all, and then
    port names are refused too.
    """
    try:
        configure = ctypes.CDLL(None).__nss_configure_lookup
    except AttributeError:
        libpcap.libpcap()
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
        return
    for database in _DATABASES:
        configure(database, b"none")


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """The instructions asked for, or why there are none."""
    compiled = _compiled(request)
    if isinstance(compiled, str):
        return {"refused": compiled + _hint(compiled)}
    if len(compiled) > request["most"]:
        return {"refused": f"takes {len(compiled)} instructions, of {request['most']} allowed"}
    if any(code == _JUMP_ALWAYS and k >= _BACKWARD for code, _, _, k in compiled):
        return {"refused": "makes a loop (protochain), which the kernel does not run"}
    return {"instructions": compiled}


def main() -> None:
    """Answer until the parent closes the pipe."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    try:
        libpcap.libpcap()
    except libpcap.LibpcapMissing as error:
        _say({"missing": str(error)})
        return
    forbid_lookups()
    _say({"ready": True})
    for line in sys.stdin.buffer:
        signal.alarm(SECONDS)
        _say(answer(json.loads(line)))
        signal.alarm(0)


def _compiled(request: dict[str, Any]) -> list[libpcap.Instruction] | str:
    handle = _handle(request)
    try:
        return libpcap.compile_on(handle, request["expression"].encode())
    finally:
        libpcap.libpcap().pcap_close(handle)


def _handle(request: dict[str, Any]) -> int:
    snaplen = request["snaplen"]
    live = libpcap.open_live("lo", snaplen) if request["kernel"] else None
    return live or libpcap.open_dead(request["dlt"], snaplen)


def _hint(words: str) -> str:
    named = words.startswith(("unknown host", "unknown network", "unknown ether host"))
    return _NAME_HINT if named else ""


def _say(line: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(line).encode() + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
