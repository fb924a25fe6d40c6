"""The faults of commands, tasks and agents' orders: the numbers are those of the guarantees."""

from tests.faults import (
    broker_faults,
    clock_faults,
    command_faults,
    dispatcher_faults,
    ending_faults,
    soak,
    tasks_faults,
)
from tests.faults.fault import Fault
from tests.faults.proxied import Proxied

FAULTS = (
    Fault(
        "1", "RabbitMQ killed during starts and stops",
        broker_faults.killed, judges="I1 I4 I6", core=True,
    ),
    Fault("2", "RabbitMQ frozen", broker_faults.frozen, judges="I1 I6", core=True),
    Fault("3", "all connections closed", broker_faults.connections_closed, judges="I1 I6"),
    Fault("4", "memory or disk alarm", broker_faults.alarm, judges="I5 I6"),
    Fault("5", "queue deleted, binding removed", broker_faults.robbed, judges="I1 I6"),
    Fault(
        "6", "commands repeated, reversed, late",
        command_faults.repeated_reversed_late, judges="I1 I4", core=True,
    ),
    Fault("7", "poison in every queue", command_faults.poisoned, judges="I1 I6", core=True),
    Fault(
        "8", "dispatcher killed between state and ack",
        dispatcher_faults.killed_before_ack, judges="I1 I4 I6", world=Proxied,
    ),
    Fault(
        "9", "KeepAlive reply lost",
        dispatcher_faults.reply_lost, judges="I1 I4", core=True, world=Proxied,
    ),
    Fault("10", "two dispatchers, many claims", command_faults.two_dispatchers, judges="I1 I4"),
    Fault(
        "11", "Redis killed: empty, or old",
        tasks_faults.wiped_and_old, judges="I1 I4 I6", core=True,
    ),
    Fault(
        "12", "Redis frozen; a claim's answer lost",
        tasks_faults.frozen_and_deaf, judges="I1 I4 I6", core=True, world=Proxied,
    ),
    Fault(
        "30", "SIGTERM while a server is frozen",
        ending_faults.told_to_end, judges="I1 I4 I6", core=True,
    ),
    Fault(
        "31", "clocks an hour off",
        clock_faults.stepped, judges="I1 I2 I4", world=clock_faults.Skewed, alone=True,
    ),
    Fault(
        "32", "everything, mixed",
        soak.mixed, judges="I1 I2 I3 I4 I5 I6", world=soak.Everything, alone=True,
    ),
)  # fmt: skip
