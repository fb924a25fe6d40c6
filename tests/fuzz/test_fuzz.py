"""A sample of what `make fuzz` feeds by the million, and what is kept in the corpus."""

from pathlib import Path

import pytest

from tests.fuzz.feeding import corpus, feed, harm_of
from tests.fuzz.mutation import inputs
from tests.fuzz.targets import TARGETS, Target

_SAMPLE = 20_000
_SEED = 20261125


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_sample_of_broken_inputs_does_no_harm(target: Target) -> None:
    assert feed(target, inputs(target.good(), _SEED, _SAMPLE)) == []


@pytest.mark.parametrize("path", corpus(), ids=lambda path: path.stem)
def test_what_once_did_harm_does_none_any_more(path: Path) -> None:
    data = path.read_bytes()
    assert {target.name: harm_of(target, data) for target in TARGETS} == dict.fromkeys(
        target.name for target in TARGETS
    )


def test_harm_is_found_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def picky(data: bytes) -> int:
        if data.startswith(b"bad"):
            raise ValueError("bad")
        return 1

    monkeypatch.setattr("tests.fuzz.feeding.CORPUS", tmp_path)
    (harm,) = feed(Target("picky", picky, lambda: [b""]), [b"good", b"bad input"])
    assert "picky: ValueError('bad')" in harm
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"bad input"]
