"""The compiling child on its own: what it says on its pipe."""

import json
import subprocess
import sys
from typing import Any

WITHOUT_NSS = """
from types import SimpleNamespace
from services.packets import filterchild
filterchild.ctypes = SimpleNamespace(CDLL=lambda _: object())
filterchild.main()
"""


def conversation(command: list[str], *expressions: str) -> list[dict[str, Any]]:
    """The child's lines: the first is that it is ready."""
    fixed = {"dlt": 1, "snaplen": 96, "most": 512, "kernel": False}
    lines = [json.dumps({"expression": expression, **fixed}) for expression in expressions]
    said = subprocess.run(
        [sys.executable, *command],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in said.stdout.splitlines()]


def test_it_answers_line_by_line_and_ends_with_its_pipe() -> None:
    answers = conversation(["-m", "services.packets.filterchild"], "ip", "nonsense 1")
    assert answers[0] == {"ready": True}
    assert answers[1]["instructions"][0] == [0x28, 0, 0, 12]
    assert "syntax error" in answers[2]["refused"]


def test_where_the_c_library_cannot_be_told_names_are_still_not_looked_up() -> None:
    """`localhost` stands in /etc/hosts: it is found wherever anything is looked up at all."""
    answers = conversation(["-c", WITHOUT_NSS], "host localhost", "port 80")
    assert "unknown host" in answers[1]["refused"]
    assert answers[2]["instructions"]
