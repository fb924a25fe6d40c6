"""The faults of commands, tasks and agents' orders: the numbers are those of the guarantees."""

from tests.faults import broker_faults
from tests.faults.fault import Fault

FAULTS = (
    Fault(
        "1",
        "RabbitMQ killed during starts and stops",
        broker_faults.killed,
        judges="I1 I4 I6",
        core=True,
    ),
)
