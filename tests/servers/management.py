"""RabbitMQ's management API, as far as tests need it."""

import base64
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

DEPLOY = Path(__file__).parents[2] / "deploy" / "rabbitmq"
DEFINITIONS = DEPLOY / "definitions.json"


class Management:
    """One broker's management API at `url`, `http://user:password@host:port`."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._base = f"{parts.scheme}://{parts.hostname}:{parts.port}/api/"
        self._user = parts.username or "guest"
        login = f"{self._user}:{parts.password or 'guest'}"
        self._login = "Basic " + base64.b64encode(login.encode()).decode()

    def call(self, method: str, *path: str, body: object = None) -> Any:
        """Call `/api/<path>`; the segments of the path are quoted."""
        request = urllib.request.Request(
            self._base + "/".join(quote(part, safe="") for part in path),
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": self._login, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            content = response.read()
        return json.loads(content) if content else None

    def answers(self) -> bool:
        """Whether the broker is up, and the API with it."""
        try:
            self.call("GET", "overview")
        except (OSError, urllib.error.HTTPError):
            return False
        return True

    def make_vhost(self, name: str) -> None:
        """A virtual host with the shipped exchanges and policies, and no queue yet."""
        self.call("PUT", "vhosts", name, body={})
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        self.call("PUT", "permissions", name, self._user, body=everything)
        self.call("POST", "definitions", name, body=vhost_definitions())

    def drop_vhost(self, name: str) -> None:
        """Remove a virtual host; its connections are closed."""
        self.call("DELETE", "vhosts", name)

    def make_user(self, name: str, like: str, vhost: str, password: str = "secret") -> None:
        """A user with the permissions that the shipped definitions give to `like`."""
        self.call("PUT", "users", name, body={"password": password, "tags": ""})
        for kind in ("permissions", "topic_permissions"):
            for given in (one for one in definitions()[kind] if one["user"] == like):
                self.call("PUT", kind.replace("_", "-"), vhost, name, body=given)

    def drop_user(self, name: str) -> None:
        """Remove a user."""
        self.call("DELETE", "users", name)


def definitions() -> dict[str, list[dict[str, Any]]]:
    """The shipped definitions."""
    loaded: dict[str, list[dict[str, Any]]] = json.loads(DEFINITIONS.read_text())
    return loaded


def vhost_definitions(*kinds: str) -> dict[str, list[dict[str, Any]]]:
    """The named kinds (exchanges and policies if none) without the virtual host they name."""
    shipped = definitions()
    return {
        kind: [_without_vhost(one) for one in shipped[kind]]
        for kind in kinds or ("exchanges", "policies")
    }


def _without_vhost(one: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in one.items() if key != "vhost"}
