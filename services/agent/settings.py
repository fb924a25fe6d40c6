"""What the agent can be told."""

import socket
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from contracts.names import Name, fit_name
from services.packets.endpoints.setting import EndpointSettings
from services.runtime.settings import BusSettings, Duration, Port, Size, parse_size


def host_name() -> str:
    """This host's name, made to fit the name rule."""
    return fit_name(socket.gethostname())


class AgentSettings(BusSettings, EndpointSettings):
    """The agent's settings."""

    agent_port: Port = Field(default=8083, description="port of health and metrics")
    resource: Name = Field(
        default_factory=host_name,
        examples=["the host's name, made to fit"],
        description="this agent's name: lower-case letters, digits and dashes, at most 63",
    )
    services: Path | None = Field(
        default=None,
        examples=["none: every interface that is up"],
        description="TOML file of what can be watched here: [services.web] interface = …",
    )
    keepalive: Duration = Field(
        default=5.0, ge=0.1, le=300, description="seconds between two KeepAlives"
    )
    ring: Size = Field(
        default=64 << 20,
        le=1 << 30,
        examples=["64MiB"],
        description="memory of a capture's ring in the kernel",
    )
    spare_ring: bool = Field(
        default=True,
        examples=["true"],
        description="keep one ring of that size ready, so that a capture starts 10 to 25 ms sooner",
    )
    backlog: Size = Field(
        default=64 << 20,
        ge=1 << 20,
        examples=["64MiB"],
        description="memory, for each capture, of blocks that wait for the endpoint",
    )
    spool: Annotated[int, NoDecode, BeforeValidator(parse_size)] = Field(
        default=256 << 20,
        ge=0,
        examples=["256MiB"],
        description="disk, for all captures, of blocks that wait longer for the endpoint; 0: none",
    )
    exclude: str = Field(
        default="",
        pattern=r"^\s*([^\s,]+:[0-9]+(\s*,\s*[^\s,]+:[0-9]+)*)?\s*$",
        description="more traffic to leave out of every capture: host:port or *:port, "
        "comma-separated",
    )
    gateway_port: Port = Field(
        default=8080,
        description="the gateway's port; left out of captures where the bus is on this host",
    )
    streamer_port: Port = Field(
        default=8081,
        description="the streamer's port; left out of captures where the bus is on this host",
    )

    @property
    def folder(self) -> Path:
        """Where the agent keeps its id, its journal and its spool."""
        return self.data_folder / "agent"
