"""CAPFLOW_ENDPOINTS: what it may be, and what is said where it is not."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.packets.endpoints.opening import open_endpoints
from services.packets.endpoints.setting import (
    EndpointSettings,
    parse_endpoints,
    sqlite_url,
)
from services.runtime.errors import BadSetting
from services.runtime.settings import describe, load

SECRET = "mongodb://somebody:p4ssw0rd@db.example:27017/capflow"


def test_one_endpoint_of_each_kind() -> None:
    main, old = parse_endpoints("main=mongodb://db.example/capflow, old=sqlite:///var/p.db")
    assert (main.name, main.type, main.url) == ("main", "mongodb", "mongodb://db.example/capflow")
    assert (old.name, old.type, old.path) == ("old", "sqlite", Path("/var/p.db"))


def test_an_address_may_hold_commas() -> None:
    text = "a=mongodb://u:p@one:1,two:2,three:3/x?replicaSet=rs0,b=mongodb://four/y"
    assert [one.url for one in parse_endpoints(text)] == [
        "mongodb://u:p@one:1,two:2,three:3/x?replicaSet=rs0",
        "mongodb://four/y",
    ]


@pytest.mark.parametrize("path", ["/a/b.db", "/with space/ü,=#?%.db", "/a"])
def test_a_path_survives_its_address(path: str) -> None:
    (found,) = parse_endpoints(f"main={sqlite_url(Path(path))}")
    assert found.path == Path(path)


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "main",
        "main=",
        "=sqlite:///x",
        "mongodb://somebody:p4ssw0rd@host/x",
        "Main=sqlite:///x",
        "main=postgres://somebody:p4ssw0rd@host/x",
        "main=mongodb://",
        "main=mongodb://somebody:p4ssw0rd@",
        "main=sqlite://",
        "main=sqlite:///",
        "main=sqlite://host/x",
        "main=sqlite:///x,",
        "main=sqlite:///x,main=sqlite:///y",
        "a b=sqlite:///x",
        "main=mongodb://[::1/x",
    ],
)
def test_a_wrong_value_names_the_variable_and_no_secret(
    wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAPFLOW_ENDPOINTS", wrong)
    with pytest.raises(BadSetting, match="CAPFLOW_ENDPOINTS") as refused:
        load(EndpointSettings)
    assert "p4ssw0rd" not in str(refused.value)


@given(st.text(alphabet="ab-=,:/@?%[]. \x00", max_size=40))
def test_no_text_makes_the_parser_fail_otherwise(text: str) -> None:
    with suppress(ValueError):
        parse_endpoints(text)


def test_the_default_is_a_file_in_the_data_folder(tmp_path: Path) -> None:
    settings = load(EndpointSettings, data=tmp_path)
    (main,) = settings.endpoint_settings()
    assert (main.name, main.type, main.path) == ("main", "sqlite", tmp_path / "packets.db")


def test_an_address_is_not_shown_by_accident() -> None:
    settings = load(EndpointSettings, endpoints=f"main={SECRET}")
    assert "p4ssw0rd" not in repr(settings) + repr(settings.endpoint_settings())
    assert settings.endpoint_settings()[0].url == SECRET


def test_the_variable_is_described() -> None:
    assert ("CAPFLOW_ENDPOINTS", "main=sqlite:///<data>/packets.db") in [
        line[:2] for line in describe(EndpointSettings)
    ]


async def test_endpoints_are_found_by_name(tmp_path: Path) -> None:
    text = f"main=sqlite://{tmp_path}/1.db,other=sqlite://{tmp_path}/2.db,far={SECRET}"
    endpoints = await open_endpoints(parse_endpoints(text))
    assert endpoints.first_name == "main"
    assert endpoints.first is endpoints.get("main")
    assert endpoints.ref().name == "main"
    assert endpoints.ref("far").type == "mongodb"
    assert [name for name, _ in endpoints.items()] == ["main", "other", "far"]
    with pytest.raises(KeyError):
        endpoints.get("nobody")
    with pytest.raises(KeyError):
        endpoints.ref("nobody")
    await endpoints.close()


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://somebody:p4ssw0rd@host/x?nonsense=1",
        "mongodb://somebody:p4ssw0rd@host:port/x",
        "mongodb://somebody:p4ss/w0rd@host/x",
        "mongodb://somebody:p4ss%w0rd@host/x",
        "mongodb://host/a b/c",
        "mongodb://host/x?w=nobody&readConcernLevel=1&tls=perhaps",
    ],
)
async def test_a_wrong_address_of_mongodb_is_told_without_its_secret(
    url: str, tmp_path: Path
) -> None:
    text = f"file=sqlite://{tmp_path}/1.db,main={url}"
    with pytest.raises(BadSetting, match="CAPFLOW_ENDPOINTS: 'main'") as refused:
        await open_endpoints(parse_endpoints(text))
    assert "p4ss" not in str(refused.value)
    await (await open_endpoints(parse_endpoints(f"file=sqlite://{tmp_path}/1.db"))).close()
