"""The TOML file of `CAPFLOW_SERVICES`: what can be watched on this host.

[services.web]
interface = "eth0"
filter = "tcp port 80"      # optional
snaplen = 256               # optional

[services.yesterday]
replay = "yesterday.pcapng" # beside this file, or a whole path
speed = 2                   # optional; "max" is as fast as possible
loop = true                 # optional
"""

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

from contracts.names import NAME_PATTERN, is_name
from contracts.order import MAX_FILTER_BYTES, MAX_SNAPLEN, MIN_SNAPLEN
from services.agent.services import DEMO, Live, Recording, Service
from services.runtime.errors import BadSetting

INTERFACE_PATTERN = r"[A-Za-z0-9_][A-Za-z0-9_.:@-]{0,14}"
_INTERFACE = re.compile(INTERFACE_PATTERN)
_LIVE_KEYS = {"interface", "filter", "snaplen"}
_RECORDING_KEYS = {"replay", "speed", "loop", "filter", "snaplen"}


class _Mistake(Exception):
    """A rule that the file breaks, and the key that does."""

    def __init__(self, rule: str, key: str = "") -> None:
        super().__init__(rule)
        self.key = key


def read_services(path: Path) -> list[Service]:
    """The services of the file. Raises BadSetting with file, line and the rule that is broken."""
    text = _text(path)
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # such as a number of very many digits
        raise BadSetting(f"CAPFLOW_SERVICES: {path} is not TOML: {error}") from None
    try:
        return [_service(name, table, path) for name, table in _tables(tables).items()]
    except _Located as mistake:
        line = line_of(text, mistake.service, mistake.key)
        raise BadSetting(f"CAPFLOW_SERVICES: {path}, line {line}: {mistake}") from None


class _Located(Exception):
    def __init__(self, service: str, mistake: _Mistake) -> None:
        super().__init__(f"service {service!r}: {mistake}" if service else str(mistake))
        self.service = service
        self.key = mistake.key


def line_of(text: str, service: str, key: str = "") -> int:
    """The line of a service's key, or else of its table; 1 where it cannot be found."""
    header = re.compile(rf"^\s*\[\s*services\s*\.\s*[\"']?{re.escape(service)}[\"']?\s*[.\]]")
    assignment = re.compile(rf"^\s*[\"']?{re.escape(key)}[\"']?\s*=")
    found = 0
    for number, line in enumerate(text.splitlines(), 1):
        if found and line.lstrip().startswith("["):
            break
        if found and key and assignment.match(line):
            return number
        if header.match(line):
            found = number
    return found or 1


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadSetting(f"CAPFLOW_SERVICES: cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise BadSetting(f"CAPFLOW_SERVICES: {path} is not UTF-8: {error}") from None


def _tables(document: dict[str, Any]) -> dict[str, Any]:
    services = document.get("services")
    if set(document) != {"services"} or not isinstance(services, dict) or not services:
        raise _Located("", _Mistake("must hold tables [services.<name>] and nothing else"))
    return services


def _service(name: str, table: Any, path: Path) -> Service:
    try:
        _check_name(name)
        if not isinstance(table, dict):
            raise _Mistake(f"must be a table [services.{name}]")
        if "replay" in table:
            return _recording(name, table, path.parent)
        return _live(name, table)
    except _Mistake as mistake:
        raise _Located(name, mistake) from None


def _check_name(name: str) -> None:
    if not is_name(name):
        raise _Mistake(f"a service's name is {NAME_PATTERN}: small letters, digits and dashes")
    if name == DEMO:
        raise _Mistake("the name is taken by the replay service that is always there")


def _live(name: str, table: dict[str, Any]) -> Service:
    _check_keys(table, _LIVE_KEYS)
    if "interface" not in table:
        raise _Mistake("needs `interface` or `replay`")
    interface = table["interface"]
    fits = isinstance(interface, str) and _INTERFACE.fullmatch(interface) and ".." not in interface
    if not fits:
        raise _Mistake(
            "`interface` is a network interface's name: 1 to 15 letters, digits and _ . : @ -",
            "interface",
        )
    return Service(name, Live(interface), _filter(table), _snaplen(table))


def _recording(name: str, table: dict[str, Any], folder: Path) -> Service:
    _check_keys(table, _RECORDING_KEYS)
    if not isinstance(table["replay"], str) or "\0" in table["replay"]:
        raise _Mistake("`replay` is the path of a pcap or pcapng file", "replay")
    file = (folder / Path(table["replay"]).expanduser()).resolve()
    if not file.is_file():
        raise _Mistake(f"`replay`: there is no file {file}", "replay")
    loop = table.get("loop", False)
    if not isinstance(loop, bool):
        raise _Mistake("`loop` is true or false", "loop")
    return Service(name, Recording(file, _speed(table), loop), _filter(table), _snaplen(table))


def _check_keys(table: dict[str, Any], known: set[str]) -> None:
    for key in table:
        if key not in known:
            raise _Mistake(f"{key!r} is not known here; known are {', '.join(sorted(known))}", key)


def _filter(table: dict[str, Any]) -> str:
    text = table.get("filter", "")
    if not isinstance(text, str) or "\0" in text or len(text.encode()) > MAX_FILTER_BYTES:
        raise _Mistake(
            f"`filter` is text in pcap-filter syntax, at most {MAX_FILTER_BYTES} bytes", "filter"
        )
    return text


def _snaplen(table: dict[str, Any]) -> int | None:
    snaplen = table.get("snaplen")
    if snaplen is None:
        return None
    if type(snaplen) is not int or not MIN_SNAPLEN <= snaplen <= MAX_SNAPLEN:
        raise _Mistake(
            f"`snaplen` is a whole number from {MIN_SNAPLEN} to {MAX_SNAPLEN}", "snaplen"
        )
    return snaplen


def _speed(table: dict[str, Any]) -> float | None:
    speed = table.get("speed", 1)
    if speed == "max":
        return None
    if type(speed) not in (int, float) or not 0 < speed <= sys.float_info.max:
        raise _Mistake('`speed` is a number above 0, or "max"', "speed")
    return float(speed)
