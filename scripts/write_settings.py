"""Write docs/settings.md from the settings classes: `python -m scripts.write_settings`."""

from collections.abc import Iterable
from pathlib import Path

from services.client.settings import ClientSettings
from services.runtime.settings import describe
from services.standalone.commands import settings_of
from services.standalone.services import SERVICES

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"

_HEAD = """\
# Settings

Environment variables, all of them optional. `capflow <service> --help` lists those of one service.
A wrong value stops the start with the variable's name and what it may be.

Durations are seconds, or have a unit: `30s`, `5m`, `12h`, `7d`. Sizes are bytes, or have a unit:
`512KiB`, `256MiB`, `20GiB`. A port of 0 takes any free one.

This page is made from the code by `make contracts`.

| variable | default | meaning | gateway | dispatcher | streamer | agent | commands |
|---|---|---|:-:|:-:|:-:|:-:|:-:|
"""


def page() -> str:
    """The whole page."""
    users = [{row[0] for row in describe(service.settings_class())} for service in SERVICES]
    client = _client_rows()
    users.append({row[0] for row in client})
    rows = {row[0]: row for row in (*client, *settings_of(SERVICES))}
    return _HEAD + "".join(_line(rows[name], users) for name in sorted(rows))


def _client_rows() -> list[tuple[str, str, str]]:
    unused = {"CAPFLOW_LOG_LEVEL", "CAPFLOW_LOG_FORMAT"}
    return [row for row in describe(ClientSettings) if row[0] not in unused]


def _line(row: tuple[str, str, str], users: Iterable[set[str]]) -> str:
    name, default, meaning = row
    marks = ["•" if name in used else "" for used in users]
    cells = [f"`{name}`", _cell(default), _cell(meaning), *marks]
    return f"| {' | '.join(cells)} |\n"


def _cell(text: str) -> str:
    """Text in a table: `<` would be markup, but within code."""
    parts = text.replace("|", "\\|").split("`")
    parts[::2] = [part.replace("<", "&lt;") for part in parts[::2]]
    return "`".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
