"""Filters in pcap-filter(7) syntax: checked and compiled, with bounds on all that they cost.

The text comes from people and programs we do not know. libpcap compiles it in a child process
with a time limit, host names are refused without asking anybody, and its size is bounded.
"""

from collections import OrderedDict
from typing import Any

from contracts.order import MAX_FILTER_BYTES, MAX_SNAPLEN
from services.packets.filterprocess import Deadly, FilterProcess, TookTooLong
from services.packets.linktypes import ETHERNET, dlt_of
from services.packets.program import Program
from services.runtime.errors import CapflowError

MAX_INSTRUCTIONS = 512

_Key = tuple[str, int, int, bool]


class FilterRefused(CapflowError):
    """A filter that is not taken; the text is libpcap's own, or says which bound it breaks."""


class FilterCompiler:
    """Compiles filters; one is enough for a process. Safe to use from many tasks at once.

    `limit` is the seconds one compile may take. The last `cached` results are kept, the oldest
    go; what took too long is tried again.
    """

    def __init__(self, limit: float = 1.0, cached: int = 256) -> None:
        self._limit = limit
        self._cached = cached
        self._cache: OrderedDict[_Key, Program | FilterRefused] = OrderedDict()
        self._child = FilterProcess()

    @property
    def child_pid(self) -> int | None:
        """The process id of the child, while there is one."""
        return self._child.pid

    async def compile(
        self,
        expression: str,
        linktype: int = ETHERNET,
        snaplen: int = MAX_SNAPLEN,
        *,
        kernel: bool = False,
    ) -> Program:
        """The program of one expression; an empty one matches everything.

        `snaplen` is what the program returns for a packet that passes. `kernel` makes a program
        for a Linux socket, where `vlan` finds the tag that the kernel has taken out of the packet,
        if this process may capture; such a one is not for stored packets. Raises FilterRefused,
        CompilerUnavailable, LibpcapMissing.
        """
        text = _checked(expression)
        if not text:
            return Program.everything(snaplen)
        return await self._compiled((text, linktype, snaplen, kernel))

    async def close(self) -> None:
        """End the child."""
        await self._child.close()

    async def _compiled(self, key: _Key) -> Program:
        known = self._cache.get(key)
        if known is None:
            known = await self._asked(key)
            self._keep(key, known)
        else:
            self._cache.move_to_end(key)
        if isinstance(known, FilterRefused):
            raise FilterRefused(str(known))
        return known

    def _keep(self, key: _Key, result: Program | FilterRefused) -> None:
        self._cache[key] = result
        if len(self._cache) > self._cached:
            self._cache.popitem(last=False)

    async def _asked(self, key: _Key) -> Program | FilterRefused:
        expression, linktype, snaplen, kernel = key
        question = {
            "expression": expression,
            "dlt": dlt_of(linktype),
            "snaplen": snaplen,
            "most": MAX_INSTRUCTIONS,
            "kernel": kernel and linktype == ETHERNET,
        }
        try:
            answer = await self._child.ask(question, self._limit)
        except TookTooLong as error:
            raise FilterRefused(f"takes longer than {self._limit:g} s to compile") from error
        except Deadly as error:
            raise FilterRefused("libpcap does not survive compiling it") from error
        return _result(expression, answer)


def _result(expression: str, answer: dict[str, Any]) -> Program | FilterRefused:
    if "refused" in answer:
        return FilterRefused(_printable(answer["refused"]))
    return Program(expression, [(c, jt, jf, k) for c, jt, jf, k in answer["instructions"]])


def _checked(expression: str) -> str:
    text = expression.strip()
    if "\0" in text:
        raise FilterRefused("must not hold a NUL character")
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise FilterRefused("is not text: it holds half a character") from error
    if size > MAX_FILTER_BYTES:
        raise FilterRefused(f"takes {size} bytes, of {MAX_FILTER_BYTES} allowed")
    return text


def _printable(text: str) -> str:
    """What libpcap says may quote what it was given: nothing in it may steer a terminal."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
