"""A wire: a veth pair whose far end is in a network namespace of its own."""

import os
import random
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

_FRAME = "{{ fill(0x02,6), 0x02,0x00,0x00,0x00,0x00,0x01, {tag} 0x88,0xb5, fill(0x41,{fill}) }}"


class Wire:
    """`near` is an interface of this host; what `send` sends comes in there."""

    def __init__(self, folder: Path) -> None:
        name = uuid4().hex[:6]
        self.namespace = f"cfd{os.getpid()}{name}"
        self.near = f"cfd{name}n"
        self.far = f"cfd{name}f"
        self._folder = folder

    def __enter__(self) -> Self:
        _run("ip", "netns", "add", self.namespace)
        _run("ip", "link", "add", self.near, "type", "veth", "peer", "name", self.far)
        _run("ip", "link", "set", self.far, "netns", self.namespace)
        _quiet(self.near)
        self.inside("sysctl", "-qw", f"net.ipv6.conf.{self.far}.disable_ipv6=1")
        self.up()
        self.inside("ip", "link", "set", self.far, "up")
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        subprocess.run(["ip", "link", "del", self.near], capture_output=True)
        _run("ip", "netns", "del", self.namespace)

    def up(self) -> None:
        """Bring the near end up."""
        _run("ip", "link", "set", self.near, "up")

    def down(self) -> None:
        """Take the near end down."""
        _run("ip", "link", "set", self.near, "down")

    def address(self) -> tuple[str, str]:
        """Give both ends an address, and the far end a loopback: those of near and far."""
        network = f"10.{random.randrange(64, 255)}.{random.randrange(256)}"
        near, far = f"{network}.1", f"{network}.2"
        _run("ip", "addr", "add", f"{near}/30", "dev", self.near)
        self.inside("ip", "addr", "add", f"{far}/30", "dev", self.far)
        self.inside("ip", "link", "set", "lo", "up")
        return near, far

    def move_near(self, namespace: str) -> None:
        """Put the near end into another namespace."""
        _run("ip", "link", "set", self.near, "netns", namespace)
        _run("ip", "netns", "exec", namespace, "ip", "link", "set", self.near, "up")

    def delete(self) -> None:
        """Remove the wire."""
        _run("ip", "link", "del", self.near)

    def send(self, count: int, *, size: int = 200, rate: str = "", vlan: int | None = None) -> None:
        """Send frames of `size` bytes (a tag not counted) and return when all are sent."""
        tag = "" if vlan is None else f"0x81,0x00, c16({vlan}),"
        recipe = self._folder / "frame.cfg"
        recipe.write_text(_FRAME.format(tag=tag, fill=size - 14))
        paced = ("-b", rate) if rate else ()
        self.inside(
            *("trafgen", "--dev", self.far, "--in", str(recipe), "--cpus", "1"),
            *("-n", str(count), "--qdisc-path"),
            *paced,
        )

    def inside(self, *command: str) -> None:
        """Run a command in the namespace."""
        _run("ip", "netns", "exec", self.namespace, *command)

    def spawn(self, *command: str, cwd: Path | None = None) -> subprocess.Popen[bytes]:
        """Start a command in the namespace."""
        inside = ("ip", "netns", "exec", self.namespace)
        return subprocess.Popen([*inside, *command], cwd=cwd, stdin=subprocess.DEVNULL)


def _quiet(interface: str) -> None:
    _run("sysctl", "-qw", f"net.ipv6.conf.{interface}.disable_ipv6=1")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr or done.stdout}"
