"""The gateway's settings."""

from pydantic import Field, SecretStr

from services.packets.endpoints.setting import EndpointSettings
from services.runtime.settings import BusSettings, Port, TasksSettings

_WILDCARDS = ("0.0.0.0", "::", "")  # noqa: S104 - compared with, not bound to


class GatewaySettings(EndpointSettings, BusSettings, TasksSettings):
    """What the gateway can be told."""

    gateway_port: Port = Field(default=8080, description="port of REST, docs and page")
    streamer_port: Port = Field(
        default=8081, description="the streamer's port, for its address where none is set"
    )
    stream_url: str | None = Field(
        default=None,
        pattern=r"^wss?://[^\s?#]+$",
        description="the streamer's address as viewers see it: ws://… or wss://…",
        examples=["ws://<host>:<streamer port>/v1/stream"],
    )
    admin_key: SecretStr | None = Field(
        default=None,
        description="an API key with role admin, sent as `Authorization: Bearer <key>`",
        examples=["made at the first start, kept in <data>/admin.key"],
    )
    ticket_secret: SecretStr | None = Field(
        default=None,
        description="signs viewer tickets; gateway and streamer need the same one",
        examples=["made at the first start, kept in <data>/ticket.secret"],
    )
    starts_per_minute: int = Field(
        default=600, ge=1, le=1_000_000, description="starts that one API key may ask for a minute"
    )

    def stream_address(self, asked_host: str) -> str:
        """The streamer's address for a client that reached this gateway as `asked_host`.

        A gateway that listens on every address does not know its own, but its client does.
        """
        if self.stream_url is not None:
            return self.stream_url
        host = asked_host if self.host in _WILDCARDS else self.host
        return f"ws://{_bracketed(host)}:{self.streamer_port}/v1/stream"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
