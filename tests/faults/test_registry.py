"""What is marked as core is what `make test` runs."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from tests.faults.registry import FAULTS


def _run() -> Iterator[str]:
    """The numbers of the faults that the modules beside this one are parametrized with."""
    for path in Path(__file__).parent.glob("test_*_faults.py"):
        module = import_module(f"tests.faults.{path.stem}")
        (mark,) = module.test_what_is_promised_holds.pytestmark
        yield from (fault.number for fault in mark.args[1])


def test_every_core_fault_is_run_once() -> None:
    assert sorted(_run()) == sorted(number for number, fault in FAULTS.items() if fault.core)
