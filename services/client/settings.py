"""Which gateway the client talks to, and with which key."""

from pathlib import Path

from pydantic import Field, SecretStr

from services.runtime.settings import Port, ServiceSettings

ADDRESS_FILE = "gateway.url"
"""In the data folder: where the gateway of this machine listens, while it does."""
KEY_FILE = "admin.key"
"""In the data folder: the admin key made at the first start."""


class ClientSettings(ServiceSettings):
    """What the client can be told."""

    url: str | None = Field(
        default=None,
        pattern=r"^https?://[^/].*",
        description="the gateway's address, as http://… or https://…",
        examples=["the gateway on this machine"],
    )
    key: SecretStr | None = Field(
        default=None,
        description="API key",
        examples=["`admin.key` in the data folder"],
    )
    gateway_port: Port = Field(default=8080, description="the gateway's port on this machine")

    @property
    def address(self) -> str:
        """The gateway's address: as told, or as recorded by this machine's, or where one is."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = f"http://{host}:{self.gateway_port}"
        recorded = None if self.url else _text(self.data_folder / ADDRESS_FILE)
        return (self.url or recorded or default).rstrip("/")

    @property
    def secret(self) -> str | None:
        """The API key, as told, or this machine's admin key."""
        return self.key.get_secret_value() if self.key else _text(self.data_folder / KEY_FILE)


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None
