"""What is marked as core is what `make test` runs."""

from collections.abc import Iterator

from tests.faults import (
    test_agent_faults,
    test_broker_faults,
    test_store_faults,
    test_streamer_faults,
    test_tasks_faults,
    test_wire_faults,
)
from tests.faults.registry import FAULTS

MODULES = (
    test_agent_faults,
    test_broker_faults,
    test_store_faults,
    test_streamer_faults,
    test_tasks_faults,
    test_wire_faults,
)


def _run() -> Iterator[str]:
    """The numbers of the faults that these modules are parametrized with."""
    for module in MODULES:
        (mark,) = module.test_what_is_promised_holds.pytestmark
        yield from (fault.number for fault in mark.args[1])


def test_every_core_fault_is_run_once() -> None:
    assert sorted(_run()) == sorted(number for number, fault in FAULTS.items() if fault.core)
