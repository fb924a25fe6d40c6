"""The faults of packets: agents, endpoints, streamers and viewers."""

from tests.faults.fault import Fault

FAULTS: tuple[Fault, ...] = ()
