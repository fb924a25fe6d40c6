"""Make the replica set of one member, and a user a service: `mongodb.py <roles.json>`.

Does what `mongodb/users.js` does, from the image that is there anyway. Safe to repeat. Addresses
and passwords come from the environment: `MONGODB_URL` (root, with `directConnection=true`),
`MONGODB_MEMBER`, `GATEWAY_PASSWORD` and so on.
"""

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

DATABASE = "capflow"
_ALREADY_INITIALIZED = 23
_PATIENCE = 60.0

Client = MongoClient[dict[str, Any]]


def set_up(client: Client, member: str, roles: Path, passwords: Mapping[str, str]) -> None:
    """Initiate the replica set, and make each role and the user that is called like it."""
    _initiate(client, member)
    for each in json.loads(roles.read_text(encoding="utf-8")):
        name, rights = each["role"], each["privileges"]
        _make_or_update(client, "Role", name, privileges=rights, roles=[])
        password = passwords[name.removeprefix("capflow-")]
        _make_or_update(client, "User", name, pwd=password, roles=[name])


def _initiate(client: Client, member: str) -> None:
    members = [{"_id": 0, "host": member}]
    try:
        client.admin.command("replSetInitiate", {"_id": "rs0", "members": members})
    except OperationFailure as error:
        if error.code != _ALREADY_INITIALIZED:
            raise
    _wait(lambda: bool(client.admin.command("hello")["isWritablePrimary"]), "become primary")


def _make_or_update(client: Client, kind: str, name: str, **fields: Any) -> None:
    info = client[DATABASE].command(f"{kind.lower()}sInfo", name)
    verb = "update" if info[f"{kind.lower()}s"] else "create"
    client[DATABASE].command(f"{verb}{kind}", name, **fields)


def _wait(condition: Any, what: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"MongoDB did not {what} in {_PATIENCE:g} s")
        time.sleep(0.2)


def main() -> None:
    """Set up what the environment names."""
    passwords = {
        service: os.environ[f"{service.upper()}_PASSWORD"]
        for service in ("gateway", "dispatcher", "streamer", "agent")
    }
    try:
        with MongoClient[dict[str, Any]](os.environ["MONGODB_URL"], timeoutMS=30_000) as client:
            set_up(client, os.environ["MONGODB_MEMBER"], Path(sys.argv[1]), passwords)
    except PyMongoError as error:
        raise SystemExit(f"MongoDB could not be set up: {error}") from error


if __name__ == "__main__":
    main()
