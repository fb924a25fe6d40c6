"""Which gateway the client talks to, and with which key."""

from pydantic import Field, SecretStr

from services.client import whereabouts
from services.runtime.settings import Port, ServiceSettings


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
        examples=["`admin.key` in the data folder, for a gateway on this machine"],
    )
    gateway_port: Port = Field(default=8080, description="the gateway's port on this machine")

    @property
    def address(self) -> str:
        """The gateway's address: as told, or as recorded by this machine's, or where one is."""
        return whereabouts.address(
            self.url, self.data_folder, host=self.host, port=self.gateway_port
        )

    @property
    def secret(self) -> str | None:
        """The API key, as told, or for a gateway on this machine its admin key."""
        told = self.key.get_secret_value() if self.key else None
        return whereabouts.secret(told, self.data_folder, url=self.url)
