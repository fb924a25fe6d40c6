"""A measuring program in a process of its own: orders go in and figures come out, a line each."""

import json
import subprocess
import sys
from types import TracebackType
from typing import Any, Self


class Worker:
    """`python -m tests.bench.<program> arguments`."""

    def __init__(self, program: str, *arguments: str) -> None:
        self._program = program
        self._child = subprocess.Popen(
            [sys.executable, "-m", f"tests.bench.{program}", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    @property
    def pid(self) -> int:
        """Its process."""
        return self._child.pid

    def say(self, **order: Any) -> None:
        """Give an order."""
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps(order).encode() + b"\n")
        self._child.stdin.flush()

    def hear(self) -> Any:
        """The next thing it says."""
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        assert line, f"{self._program} ended without an answer"
        return json.loads(line)

    def ask(self, **order: Any) -> Any:
        """Give an order; its answer."""
        self.say(**order)
        return self.hear()

    def close(self) -> None:
        """No more orders: it ends."""
        assert self._child.stdin is not None
        self._child.stdin.close()
        try:
            self._child.wait(20)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        self.close()
