"""Every fault by its number."""

from tests.faults import control_plane, data_plane
from tests.faults.fault import Fault

FAULTS = {fault.number: fault for fault in (*control_plane.FAULTS, *data_plane.FAULTS)}


def core(*numbers: str) -> list[Fault]:
    """The faults of these numbers, which `make test` runs."""
    faults = [FAULTS[number] for number in numbers]
    assert all(fault.core for fault in faults), "a fault that is scaled down is marked as core"
    return faults
