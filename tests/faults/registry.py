"""Every fault by its number."""

from tests.faults import control_plane, data_plane
from tests.faults.fault import Fault

FAULTS = {fault.number: fault for fault in (*control_plane.FAULTS, *data_plane.FAULTS)}


def core(*numbers: str) -> list[Fault]:
    """The faults of these numbers that `make test` runs."""
    return [FAULTS[number] for number in numbers if FAULTS[number].core]
