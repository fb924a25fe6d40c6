"""The dispatcher's parts, put together."""

import asyncio
from dataclasses import dataclass

from redis.asyncio import Redis

from services.dispatcher.capstelling import CapsTelling
from services.dispatcher.changes import Changes
from services.dispatcher.claims import Claims
from services.dispatcher.events import Events
from services.dispatcher.footing import Footing
from services.dispatcher.intake import Intake
from services.dispatcher.keepalives import KeepAlives
from services.dispatcher.metrics import Metrics
from services.dispatcher.pulse import Pulse
from services.dispatcher.push import Push
from services.dispatcher.reaper import Reaper
from services.dispatcher.rebuild import Rebuild
from services.dispatcher.recording import Recording
from services.dispatcher.repair import Repair
from services.dispatcher.reports import Reports
from services.dispatcher.retention import Retention
from services.dispatcher.sender import own_user
from services.dispatcher.settings import DispatcherSettings
from services.dispatcher.starts import Starts
from services.dispatcher.stops import Stops
from services.dispatcher.sweep import Sweep
from services.dispatcher.taskstore import TaskStore
from services.dispatcher.testimony import Testimony
from services.dispatcher.timing import Timing
from services.dispatcher.vetting import Vetting
from services.packets.endpoints.opening import Endpoints
from services.packets.filters import FilterCompiler
from services.runtime.bus.port import Bus


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """The parts that take messages, and those that run by themselves."""

    keepalives: KeepAlives
    intake: Intake
    reports: Reports
    reaper: Reaper
    sweep: Sweep
    retention: Retention
    pulse: Pulse
    capstelling: CapsTelling


def assemble(
    settings: DispatcherSettings,
    bus: Bus,
    client: Redis,
    endpoints: Endpoints,
    filters: FilterCompiler,
    metrics: Metrics,
    timing: Timing,
) -> Dispatcher:
    """Put the parts together. Needs the running loop, whose clock they share."""
    clock = asyncio.get_running_loop().time
    records = endpoints.first
    footing = Footing(bus, clock)
    tasks = TaskStore(client, footing)
    pulse = Pulse(tasks, footing, metrics, clock)
    push = Push(bus, tasks, metrics)
    events = Events(bus, tasks, records, metrics)
    changes = Changes(tasks, records, events, push)
    repair = Repair(endpoints)
    rebuild = Rebuild(tasks, records, metrics, settings.keepalive)
    testimony = Testimony(tasks, records, changes, rebuild, repair)
    starts = Starts(
        tasks=tasks,
        records=records,
        vetting=Vetting(tasks, endpoints, filters, footing, settings.keepalive),
        claims=Claims(tasks, records, timing),
        recording=Recording(endpoints, settings.limits),
        events=events,
        push=push,
        timing=timing,
    )
    stops = Stops(tasks, records, changes)
    return Dispatcher(
        keepalives=KeepAlives(bus, tasks, testimony, rebuild, metrics),
        intake=Intake(bus, starts, stops, metrics, own_user(settings.bus_url)),
        reports=Reports(tasks, testimony, metrics),
        reaper=Reaper(tasks, changes, events, repair, footing, pulse, timing, metrics),
        sweep=Sweep(tasks, records, changes, rebuild, timing, metrics),
        retention=Retention(tasks, endpoints, settings.retention, settings.quota, timing, metrics),
        pulse=pulse,
        capstelling=CapsTelling(tasks, settings.limits, metrics),
    )
