"""The real servers and the four services as processes of their own, set up for measuring."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from services.streamer.settings import StreamerSettings
from tests.bench.report import Report
from tests.bench.wire import FILTER
from tests.servers.mongo import MongoServer
from tests.servers.rabbitmq import RabbitServer
from tests.support.servers import Servers
from tests.support.stack import Stack


class TunedMongo(MongoServer):
    """With the settings that docs/performance.md recommends; tests make do with 0.5 GB of cache,
    and so little that every write waits for room."""

    def command(self) -> list[str]:
        """As Server."""
        before = super().command()
        at = before.index("--wiredTigerCacheSizeGB")
        return [*before[:at], *before[at + 2 :], *TUNED]


class TunedRabbit(RabbitServer):
    """On two cores, two schedulers wake each other on the one that others need."""

    schedulers = RabbitServer.schedulers.replace("+S 2:2", "+S 1:1")


AS_SHIPPED = {
    "CAPFLOW_LOG_LEVEL": "warning",
    "CAPFLOW_VIEWER_QUEUE": str(StreamerSettings.model_fields["viewer_queue"].default),
}
"""What the tests' stacks set otherwise."""
TUNED = (
    *("--wiredTigerCacheSizeGB", "2", "--syncdelay", "1"),
    *("--wiredTigerJournalCompressor", "none", "--wiredTigerCollectionBlockCompressor", "none"),
    *("--setParameter", "minSnapshotHistoryWindowInSeconds=0"),
    *("--setParameter", "tcmallocReleaseRate=0"),
)
WRITE_CONCERN = "majority, journaled, a replica set of one"


@contextmanager
def real_servers(report: Report) -> Iterator[Servers]:
    """RabbitMQ, Redis and MongoDB, private and fresh."""
    report.say("starting RabbitMQ, Redis and MongoDB")
    report.settings["write concern"] = WRITE_CONCERN
    report.settings["mongod"] = " ".join(TUNED)
    report.settings["RabbitMQ"] = TunedRabbit.schedulers
    servers = Servers()
    servers.mongo.close()
    servers.mongo = TunedMongo()
    servers.rabbitmq.close()
    servers.rabbitmq = TunedRabbit()
    with servers:
        yield servers


@contextmanager
def stack_on(
    servers: Servers | None, interfaces: Mapping[str, str], **more: str
) -> Iterator[Stack]:
    """The services, watching each of `interfaces` (service name to interface) for the frames of
    a wire; on `servers`, or as `capflow up`. `more` are settings, as environment variables."""
    with TemporaryDirectory(prefix="cfbench-stack-") as name:
        folder = Path(name)
        services = folder / "bench.toml"
        services.write_text("".join(_service(*pair) for pair in interfaces.items()))
        place = servers.place().environment if servers else None
        settings = {"CAPFLOW_SERVICES": str(services), **AS_SHIPPED, **more}
        with Stack(folder, place, **settings) as stack:
            yield stack


def pids_of(stack: Stack, servers: Servers | None = None) -> dict[str, int]:
    """The processes to meter, by name."""
    pids = {name: process.child.pid for name, process in stack.processes.items() if process.child}
    if servers is not None:
        pids["mongod"] = servers.mongo.pid
        pids["redis"] = servers.redis.pid
        pids["rabbitmq"] = servers.rabbitmq.pid
    return pids


def _service(name: str, interface: str) -> str:
    return f'[services.{name}]\ninterface = "{interface}"\nfilter = "{FILTER}"\n'
