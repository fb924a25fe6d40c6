"""The faults of packets: agents, endpoints, streamers and viewers."""

from tests.faults import (
    agent_faults,
    disk_faults,
    far_viewers,
    spool_faults,
    store_faults,
    streamer_faults,
    viewer_faults,
    wire_faults,
)
from tests.faults.fault import Fault
from tests.faults.field import Field

PATIENT = {
    "CAPFLOW_BACKLOG": "8MiB",
    "CAPFLOW_SPOOL": "24MiB",
    "CAPFLOW_VIEWER_QUEUE": "64MiB",  # who is not slow must not be told so, however much comes
}
IMPATIENT = {
    "CAPFLOW_STREAMER_MEMORY": "32MiB",
    "CAPFLOW_VIEWER_QUEUE": "8MiB",
    "CAPFLOW_STALL_SECONDS": "5",
}

FAULTS = (
    Fault("13", "mongod killed while agents write", store_faults.mongod_killed, "I1 I2 I3",
          core=True, world=Field, settings=PATIENT),
    Fault("14", "mongod frozen, then until the agent has no more room", store_faults.mongod_frozen,
          "I1 I2 I3", core=True, world=Field, settings=PATIENT),
    Fault("15", "mongod's disk full; the spool's disk full", disk_faults.disk_full, "I1 I2 I3",
          world=disk_faults.SmallDisks, settings=PATIENT, alone=True),
    Fault("15b", "spool records flipped and torn", spool_faults.records_damaged, "I1 I2 I3",
          core=True, world=Field, settings=PATIENT),
    Fault("15c", "the spool's disk dies", spool_faults.disk_dies, "I1 I2 I3",
          world=Field, settings=PATIENT),
    Fault("16", "step-down, slow writes, closed connections", store_faults.stepped_down, "I2 I3",
          world=Field, settings=PATIENT),
    Fault("17", "change stream history lost", streamer_faults.history_lost, "I2 I3",
          core=True, world=Field, settings=IMPATIENT, mongo_options=streamer_faults.SMALL_OPLOG),
    Fault("18", "insert done, answer lost", store_faults.answer_lost, "I1 I2 I3",
          core=True, world=Field, settings=PATIENT),
    Fault("19", "streamer killed with a hundred viewers", streamer_faults.streamer_killed, "I2 I3",
          core=True, world=Field, settings=IMPATIENT),
    Fault("20", "viewers that stop reading", streamer_faults.slow_viewers, "I2 I3 I5",
          core=True, world=Field, settings=IMPATIENT),
    Fault("21", "half-open viewer", far_viewers.half_open, "I2 I4",
          world=Field, settings=IMPATIENT),
    Fault("22", "10,000 idle and 100 active viewers reconnect", far_viewers.everybody_reconnects,
          "I2 I3", world=Field, settings=IMPATIENT),
    Fault("23", "2,000 connections that say nothing", streamer_faults.silent_connections, "I2 I3",
          world=Field, settings=IMPATIENT),
    Fault("24", "agent killed, back within its lease and after it", agent_faults.agent_killed,
          "I1 I2 I3", core=True, world=Field),
    Fault("25", "agent frozen past its lease", agent_faults.agent_frozen, "I2 I3",
          core=True, world=Field),
    Fault("25b", "a second agent under the same name", agent_faults.second_agent, "I2 I3",
          core=True, world=Field),
    Fault("26", "agent cut off, for a while and for ever", wire_faults.cut_off, "I1 I2 I3",
          world=Field),
    Fault("27", "interface down or deleted", wire_faults.interface_gone, "I2 I3",
          world=Field, alone=True),
    Fault("28", "capture on the wire of its own upload", wire_faults.own_upload, "I2 I3",
          core=True, world=Field),
    Fault("29", "viewer killed; REST-only client gone", viewer_faults.viewers_gone, "I2 I4",
          core=True, world=Field),
)  # fmt: skip
