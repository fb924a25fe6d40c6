"""A private RabbitMQ with the management plugin and the shipped definitions."""

import subprocess
from collections.abc import Mapping

from tests.servers.management import DEPLOY, Management, definitions
from tests.servers.ports import answers, free_ports
from tests.servers.process import Server, leash, program, release

VARIABLE = "CAPFLOW_TEST_RABBITMQ_URL"
# Debian's wrappers in /usr/sbin insist on a user and folders of their own.
PROGRAMS = "/usr/lib/rabbitmq/bin"


class RabbitServer(Server):
    """A node of its own name, cookie and port mapper, so that several run side by side."""

    name = "rabbitmq"
    schedulers = "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"

    def __init__(self) -> None:
        self.program = program(f"{PROGRAMS}/rabbitmq-server", VARIABLE)
        super().__init__()
        self.port, self._http, self._metrics, self._dist, self._mapper = free_ports(5)
        self._epmd: subprocess.Popen[bytes] | None = None
        self._epmd_leash: subprocess.Popen[bytes] | None = None
        self._configure()

    @property
    def url(self) -> str:
        """Its AMQP address, virtual host `/`."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    @property
    def management_url(self) -> str:
        """The address of its management API."""
        return f"http://guest:guest@127.0.0.1:{self._http}"

    @property
    def management(self) -> Management:
        """Its management API."""
        return Management(self.management_url)

    def command(self) -> list[str]:
        return [self.program]

    def environment(self) -> Mapping[str, str]:
        return {
            "HOME": str(self.folder),
            # Without it the program stays as a shell between us and the broker.
            "RUNNING_UNDER_SYSTEMD": "1",
            "ERL_EPMD_PORT": str(self._mapper),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"capflow{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._dist),
            "RABBITMQ_MNESIA_BASE": str(self.data),
            "RABBITMQ_LOG_BASE": str(self.folder / "logs"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            # It shares two cores with everything else.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": self.schedulers,
        }

    def start(self) -> "RabbitServer":
        if self._epmd is None:
            self._epmd = subprocess.Popen(
                [program("epmd", VARIABLE), "-address", "127.0.0.1", "-port", str(self._mapper)],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            self._epmd_leash = leash(self._epmd.pid)
        return super().start()

    def close(self) -> None:
        super().close()
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd.wait()
            release(self._epmd_leash)

    def ready(self) -> bool:
        return answers(self.port) and self.management.answers()

    def initialise(self) -> None:
        self.management.call("POST", "definitions", body=definitions())

    def control(self, *arguments: str) -> str:
        """Run `rabbitmqctl` with these arguments; what it wrote."""
        done = subprocess.run(
            [f"{PROGRAMS}/rabbitmqctl", *arguments],
            env={"PATH": "/usr/bin:/bin", **self.environment()},
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        return done.stdout

    def _configure(self) -> None:
        """The shipped configuration, on ports of our own; definitions are loaded afterwards."""
        shipped = (DEPLOY / "rabbitmq.conf").read_text().splitlines()
        kept = [line for line in shipped if not line.startswith("load_definitions")]
        ours = [
            f"listeners.tcp.default = 127.0.0.1:{self.port}",
            "management.tcp.ip = 127.0.0.1",
            f"management.tcp.port = {self._http}",
            "prometheus.tcp.ip = 127.0.0.1",
            f"prometheus.tcp.port = {self._metrics}",
            "collect_statistics_interval = 1000",
            "disk_free_limit.absolute = 50MB",
        ]
        (self.folder / "rabbitmq.conf").write_text("\n".join([*kept, *ours, ""]))
        (self.folder / "enabled_plugins").write_text((DEPLOY / "enabled_plugins").read_text())
