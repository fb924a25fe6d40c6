"""The services file: what it may say, and where a mistake is."""

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contracts.names import is_name
from services.agent.services import DEMO_FILE, Live, Recording, Service, of_interfaces
from services.agent.services_file import read_services
from services.runtime.errors import BadSetting
from tests.agent.rig import Rig


def _read(folder: Path, text: str) -> list[Service]:
    path = folder / "services.toml"
    path.write_text(text, encoding="utf-8")
    return read_services(path)


def test_it_names_interfaces_and_recordings(tmp_path: Path) -> None:
    (tmp_path / "old.pcap").write_bytes(b"")
    services = _read(
        tmp_path,
        """
        [services.web]
        interface = "eth0.5"
        filter = "tcp port 80"
        snaplen = 256

        [services.old]
        replay = "old.pcap"
        speed = 2
        loop = true

        [services.fast]
        replay = "old.pcap"
        speed = "max"
        """,
    )
    old = (tmp_path / "old.pcap").resolve()
    assert services == [
        Service("web", Live("eth0.5"), "tcp port 80", 256),
        Service("old", Recording(old, 2.0, loop=True)),
        Service("fast", Recording(old, None)),
    ]


@pytest.mark.parametrize(
    ("text", "line", "rule"),
    [
        ('[services.web]\ninterface = "eth0;id"', 2, "`interface` is"),
        ('[services.web]\n\ninterface = "../x"', 3, "`interface` is"),
        (f'[services.web]\ninterface = "{"x" * 300}"', 2, "`interface` is"),
        ("[services.web]\ninterface = 7", 2, "`interface` is"),
        ('[services."web.x"]\ninterface = "eth0"', 1, "a service's name is"),
        ('[services.web.x]\ninterface = "eth0"', 1, "'x' is not known"),
        ('[services.Web]\ninterface = "eth0"', 1, "a service's name is"),
        ('[services.demo]\ninterface = "eth0"', 1, "the name is taken"),
        ('[services.web]\nfilter = "tcp"', 1, "needs `interface` or `replay`"),
        ('[services.a]\ninterface = "lo"\n[services.b]\ninterface = "lo"\nport = 1', 5, "'port'"),
        ('[services.web]\ninterface = "lo"\nspeed = 1', 3, "'speed' is not known"),
        ('[services.web]\ninterface = "lo"\nsnaplen = 13', 3, "`snaplen` is"),
        ('[services.web]\ninterface = "lo"\nsnaplen = true', 3, "`snaplen` is"),
        ('[services.web]\ninterface = "lo"\nfilter = 1', 3, "`filter` is"),
        (f'[services.web]\ninterface = "lo"\nfilter = "{"x" * 1025}"', 3, "`filter` is"),
        ('[services.web]\nreplay = "nothing.pcap"', 2, "there is no file"),
        ('[services.web]\nreplay = "services.toml"\nspeed = 0', 3, "`speed` is"),
        ('[services.web]\nreplay = "services.toml"\nspeed = nan', 3, "`speed` is"),
        ('[services.web]\nreplay = "services.toml"\nloop = 1', 3, "`loop` is"),
        ("services = 1", 1, "must hold tables"),
        ("", 1, "must hold tables"),
        ('[service.web]\ninterface = "lo"', 1, "must hold tables"),
        ("[services]\nweb = 1", 1, "must be a table"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_the_rule(
    tmp_path: Path, text: str, line: int, rule: str
) -> None:
    with pytest.raises(BadSetting) as caught:
        _read(tmp_path, text)
    assert f"services.toml, line {line}: " in str(caught.value)
    assert rule in str(caught.value)
    assert str(caught.value).startswith("CAPFLOW_SERVICES: ")


@pytest.mark.parametrize("text", ["[services", "[services.a]\nx = ", "a = 1\na = 2"])
def test_what_is_not_toml_is_told_with_its_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadSetting, match=r"services\.toml is not TOML: .*"):
        _read(tmp_path, text)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="cannot read"):
        read_services(tmp_path / "nothing.toml")
    (tmp_path / "latin.toml").write_bytes(b"\xe9")
    with pytest.raises(BadSetting, match="not UTF-8"):
        read_services(tmp_path / "latin.toml")


_TABLES = ["[services.web]", "[services.", "]", "[", "{"]
_KEYS = ["interface", "filter", "snaplen", "replay", "speed", "=", "\n", "\n"]
_VALUES = ['"eth0"', '"a/b"', '"\x00"', "'''", "256", "-1", "1e999", "nan", "é", "true"]
_WORDS = st.sampled_from([*_TABLES, *_KEYS, *_VALUES])


@given(st.lists(_WORDS, max_size=20).map("".join) | st.text(max_size=200))
@example("x = " + "[" * 10_000)
@example("[services.web]\nsnaplen = " + "9" * 10_000)
@example('[services.web]\nreplay = "services.toml"\nspeed = ' + "9" * 4_000)
def test_any_text_is_a_services_file_or_told(text: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "services.toml")
        path.write_text(text, encoding="utf-8", errors="replace")
        with suppress(BadSetting):
            assert all(is_name(service.name) for service in read_services(path))


async def test_a_filter_that_does_not_compile_stops_the_start(idle_rig: Rig) -> None:
    path = idle_rig.folder / "services.toml"
    path.write_text('[services.web]\ninterface = "lo"\nfilter = "tcp port"\n')
    with pytest.raises(BadSetting, match=r"services\.toml, line 3: service 'web': `filter`: "):
        await idle_rig.start(services=path)


async def test_a_recording_that_is_none_stops_the_start(idle_rig: Rig) -> None:
    path = idle_rig.folder / "services.toml"
    path.write_text('[services.web]\nreplay = "services.toml"\n')
    with pytest.raises(BadSetting, match=r"services\.toml, line 2: .*neither a pcap"):
        await idle_rig.start(services=path)


async def test_without_a_file_every_interface_that_is_up_is_a_service(rig: Rig) -> None:
    services = {one.service: one.interface for one in rig.desk.keepalives[-1].services}
    assert services["lo"] == "lo"
    assert services["demo"] == f"replay:{DEMO_FILE.name}"


@given(st.lists(st.text("ab0-_.:DEMOdemo", min_size=1, max_size=15), unique=True))
def test_every_interface_gets_a_name_of_its_own_that_fits(interfaces: list[str]) -> None:
    services = of_interfaces(interfaces)
    names = [service.name for service in services]
    assert all(map(is_name, names))
    assert len(set(names)) == len(names)
    assert "demo" not in names
    assert [service.origin for service in services] == [Live(name) for name in interfaces]
