"""A private Redis."""

from tests.servers.ports import answers, free_ports
from tests.servers.process import Server, program

VARIABLE = "CAPFLOW_TEST_REDIS_URL"


class RedisServer(Server):
    """Keeps its data over a restart: every write is appended to a file."""

    name = "redis"

    def __init__(self) -> None:
        self.program = program("redis-server", VARIABLE)
        super().__init__()
        self.port = free_ports(1)[0]

    @property
    def url(self) -> str:
        """Its address, database 0."""
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        persistence = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
        place = ["--dir", str(self.data), "--bind", "127.0.0.1", "--port", str(self.port)]
        return [self.program, *place, *persistence, "--databases", "32"]

    def ready(self) -> bool:
        return answers(self.port)
