"""The streamer's settings."""

from pydantic import Field, SecretStr, field_validator

from services.packets.endpoints.setting import EndpointSettings
from services.runtime.settings import Duration, Port, Size, TasksSettings

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class StreamerSettings(EndpointSettings, TasksSettings):
    """What the streamer can be told."""

    streamer_port: Port = Field(default=8081, description="port of the WebSocket /v1/stream")
    gateway_port: Port = Field(
        default=8080, description="the gateway's port: its page may open connections"
    )
    origins: str = Field(
        default="",
        description="further pages that may open connections, comma-separated: https://a.example",
    )
    ticket_secret: SecretStr | None = Field(
        default=None,
        description="signs viewer tickets; gateway and streamer need the same one",
        examples=["made at the first start, kept in <data>/ticket.secret"],
    )
    viewer_queue: Size = Field(
        default=64 << 20,
        examples=["64MiB"],
        description="bytes a live viewer may lag behind before packets are skipped",
    )
    streamer_memory: Size = Field(
        default=256 << 20,
        examples=["256MiB"],
        description="bytes of packets kept for the viewers of all sessions",
    )
    stall_seconds: Duration = Field(
        default=10.0, description="a viewer that takes nothing for so long is cut"
    )
    hello_seconds: Duration = Field(
        default=10.0, description="a connection without a `session` message for so long is closed"
    )
    ping_seconds: Duration = Field(
        default=15.0, description="a viewer silent for so long is pinged, and then cut"
    )
    silent_connections: int = Field(
        default=4096,
        ge=1,
        le=1_000_000,
        description="connections without a `session` message; of more, the oldest go",
    )

    @field_validator("origins")
    @classmethod
    def _are_origins(cls, text: str) -> str:
        for origin in _split(text):
            if not origin.startswith(("http://", "https://")) or origin.count("/") != 2:
                raise ValueError(f"{origin!r} is no origin such as https://capflow.example:8443")
        return text

    def allowed_origins(self) -> list[str]:
        """The origins whose pages may open connections: the gateway's, and those named."""
        hosts = dict.fromkeys((_bracketed(self.host), *_LOOPBACK))
        own = [f"http://{host}:{self.gateway_port}" for host in hosts]
        return [*own, *_split(self.origins)]


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
