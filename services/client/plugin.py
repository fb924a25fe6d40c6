"""Wireshark's plug-in on disk: where Wireshark looks for it, and what is put there."""

import io
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from services.client import extcap
from services.client.extcap.access import CONFIG_FILE
from services.client.settings import ClientSettings
from services.runtime.errors import BadSetting
from services.runtime.secretfile import replace

_NAME = "capflow"
_START = """\
import os, sys
from capflow_extcap.__main__ import main
sys.exit(main(sys.argv[1:], os.path.dirname(os.path.abspath(sys.argv[0]))))
"""
_PERSONAL = "Personal Extcap path"
_SYSTEM = ("Global Extcap path", "Extcap path")
_PATIENCE = 20.0
"""Seconds that tshark may take to name its folders."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """The plug-in in one folder."""

    folder: Path

    @property
    def program(self) -> Path:
        """What Wireshark runs."""
        return self.folder / _NAME

    @property
    def config(self) -> Path:
        """Where the gateway is, for a Wireshark that has no environment of ours."""
        return self.folder / CONFIG_FILE

    def install(self, settings: ClientSettings | None) -> None:
        """Put it there; without settings each user's own are found when it runs.

        Raises BadSetting where the folder cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write_program(self.program)
            if settings is None:
                self.config.unlink(missing_ok=True)
            else:
                replace(self.config, _kept(settings))
        except OSError as error:
            raise BadSetting(f"cannot write to {self.folder}: {error.strerror}") from None

    def remove(self) -> bool:
        """Take it away; whether it was there."""
        there = self.exists
        try:
            for path in (self.program, self.config):
                path.unlink(missing_ok=True)
        except OSError as error:
            raise BadSetting(f"cannot remove {path}: {error.strerror}") from None
        return there

    @property
    def exists(self) -> bool:
        """Whether one is there."""
        return self.program.exists()

    def fault(self) -> str | None:
        """What is wrong with it; None where it is this Capflow's, and can be run."""
        if not self.exists:
            return f"no plug-in is in {self.folder}"
        try:
            current = self.program.read_bytes() == _packed()
        except OSError as error:
            return f"{self.program} cannot be read: {error.strerror}"
        if not current:
            return f"{self.program} is of another Capflow, or for another Python"
        if not os.access(self.program, os.X_OK):
            return f"{self.program} cannot be run: it is not executable"
        return None


def personal_folder() -> Path:
    """Where Wireshark looks for this user's plug-ins: what it says, or what 4.0 does not say."""
    if named := _named_folders().get(_PERSONAL):
        return Path(named)
    config = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(config).expanduser() / "wireshark" / "extcap"


def system_folder() -> Path:
    """Where it looks for everybody's. Raises BadSetting where there is no tshark to ask."""
    folders = _named_folders()
    for name in _SYSTEM:
        if name in folders:
            return Path(folders[name])
    raise BadSetting("no tshark is here to name its folders; give --folder")


def _named_folders() -> dict[str, str]:
    try:
        told = subprocess.run(
            ["tshark", "-G", "folders"], capture_output=True, text=True, timeout=_PATIENCE
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return {}
    lines = (line.partition(":") for line in told.splitlines())
    return {name.strip(): path.strip() for name, _, path in lines if path.strip()}


def _kept(settings: ClientSettings) -> str:
    """What was told to this command, and where the data folder is for all that was not."""
    key = settings.key.get_secret_value() if settings.key else None
    kept = {"url": settings.url, "key": key, "data": str(settings.data_folder.absolute())}
    return json.dumps({name: text for name, text in kept.items() if text}, indent=2) + "\n"


def _packed() -> bytes:
    """The plug-in's modules in one file that starts itself: a zip that Python runs."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for module in sorted(Path(extcap.__path__[0]).glob("*.py")):
            archive.writestr(zipfile.ZipInfo(f"capflow_extcap/{module.name}"), module.read_bytes())
        archive.writestr(zipfile.ZipInfo("__main__.py"), _START)
    return f"#!{_interpreter()}\n".encode() + packed.getvalue()


def _interpreter() -> str:
    """The Python that runs us, outside any virtual environment that may go; quick to start."""
    path = os.path.realpath(sys.executable)
    return "/usr/bin/env -S python3 -IS" if " " in path else f"{path} -IS"


def _write_program(path: Path) -> None:
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(_packed())
    temporary.chmod(0o755)
    temporary.replace(path)
