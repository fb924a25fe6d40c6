"""Print the broker's definitions with real passwords: `definitions.py <definitions.json>`.

Passwords come from the environment (`GATEWAY_PASSWORD`, …). The user `capflow-agent` stands for
any agent; each real one (`AGENTS`, comma-separated) gets a user of its own name with the same
permissions, since a broker lets an agent speak for the resource of its name only. Standard
library only.
"""

import base64
import hashlib
import json
import os
import secrets
import sys
from pathlib import Path
from typing import Any

AGENT = "capflow-agent"
Definitions = dict[str, list[dict[str, Any]]]


def password_hash(password: str) -> str:
    """RabbitMQ's salted SHA-256: https://www.rabbitmq.com/docs/passwords."""
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def user(name: str, password: str, *tags: str) -> dict[str, Any]:
    """A user of the broker."""
    return {
        "name": name,
        "password_hash": password_hash(password),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": list(tags),
    }


def with_users(shipped: Definitions, environment: dict[str, str]) -> Definitions:
    """The shipped definitions with the users that the environment names."""
    agents = [name.strip() for name in environment["AGENTS"].split(",")]
    users = [
        user("admin", environment["RABBITMQ_ADMIN_PASSWORD"], "administrator"),
        user("capflow-gateway", environment["GATEWAY_PASSWORD"]),
        user("capflow-dispatcher", environment["DISPATCHER_PASSWORD"]),
        *(user(agent, environment["AGENT_PASSWORD"]) for agent in agents),
    ]
    everything = {"vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}
    permissions = [*_for(shipped["permissions"], agents), {"user": "admin", **everything}]
    topics = _for(shipped["topic_permissions"], agents)
    return {**shipped, "users": users, "permissions": permissions, "topic_permissions": topics}


def _for(permissions: list[dict[str, Any]], agents: list[str]) -> list[dict[str, Any]]:
    others = [each for each in permissions if each["user"] != AGENT]
    model = [each for each in permissions if each["user"] == AGENT]
    return others + [{**each, "user": agent} for agent in agents for each in model]


if __name__ == "__main__":
    shipped = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    print(json.dumps(with_users(shipped, dict(os.environ)), indent=1))
