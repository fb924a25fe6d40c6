"""Write `contracts/schemas/*.json` and `contracts/asyncapi.json` from the models.

Run by `make contracts` after a message has changed; a test says whether they are current.
"""

import json
from importlib.metadata import version
from pathlib import Path

from contracts.asyncapi import asyncapi
from contracts.jsonschema import schemas

FOLDER = Path(__file__).parent.parent / "contracts"


def documents() -> dict[Path, str]:
    """Every generated file and its text."""
    files = {FOLDER / "schemas" / f"{name}.json": body for name, body in schemas().items()}
    files[FOLDER / "asyncapi.json"] = asyncapi(version("capflow"))
    return {path: json.dumps(body, indent=2) + "\n" for path, body in files.items()}


def main() -> None:
    """Write them all."""
    (FOLDER / "schemas").mkdir(exist_ok=True)
    for path, text in documents().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
