"""The documents: their links lead somewhere, and what is made from the code is current."""

import re
from pathlib import Path

import pytest

from scripts import write_settings

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/**/*.md")]
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def links(page: Path) -> list[str]:
    return _LINK.findall(_CODE.sub("", page.read_text(encoding="utf-8")))


def anchors(page: Path) -> set[str]:
    headings = _HEADING.findall(_CODE.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-") for text in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {link}"
        assert not anchor or anchor in anchors(target), f"{page.name}: {link}"


def test_every_decision_is_in_their_list() -> None:
    listed = set(links(ROOT / "docs/decisions/README.md"))
    records = {page.name for page in ROOT.glob("docs/decisions/*.md")} - {"README.md"}
    assert records <= listed


def test_the_settings_page_is_current() -> None:
    told = "run: .venv/bin/python -m scripts.write_settings"
    assert write_settings.PAGE.read_text(encoding="utf-8") == write_settings.page(), told


def test_every_script_that_the_makefile_runs_is_there_and_may_run() -> None:
    for script in set(re.findall(r"scripts/[\w-]+", (ROOT / "Makefile").read_text())):
        assert (ROOT / script).stat().st_mode & 0o111, script
