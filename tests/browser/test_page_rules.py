"""Rules of the page that take millions of rows to show, run in the browser without drawing."""

from typing import Any

import pytest

from tests.browser.screen import Screen

ROWS = 5_000_000


@pytest.fixture
def run(screen: Screen) -> Any:
    """Runs a script in the page, on a module of it."""
    screen.open(key=None)

    def run_script(module: str, script: str) -> Any:
        return screen.page.evaluate(
            f"async () => {{ const page = await import('/page/{module}'); {script} }}"
        )

    return run_script


def test_the_bar_of_five_million_rows_is_clamped_and_reaches_every_row(run: Any) -> None:
    found = run(
        "live/scroll.js",
        f"""
        const scroll = new page.Scroll(24);
        scroll.resize({ROWS}, 600, 24);
        const spacer = scroll.spacer;
        scroll.moved(scroll.lastBar);
        const end = scroll.range();
        scroll.moved(scroll.lastBar / 2);
        const middle = scroll.range().top;
        scroll.moved(scroll.bar + 48);
        const wheel = scroll.range().top - middle;
        scroll.reveal(1_234_567);
        const {{ top, count }} = scroll.range();
        return {{ spacer, end, middle, wheel, sees: top <= 1_234_567 && 1_234_567 < top + count }};
        """,
    )
    assert found["spacer"] <= 15_000_000
    assert found["end"]["top"] + found["end"]["count"] >= ROWS
    assert found["middle"] == pytest.approx(ROWS / 2, rel=0.001)
    assert found["wheel"] == 2
    assert found["sees"]


def test_rows_far_from_sight_are_let_go_and_asked_for_again(run: Any) -> None:
    found = run(
        "live/rows.js",
        """
        const rows = new page.Rows();
        for (let first = 0; first < 400_000; first += 2000) {
            rows.add(Array.from({ length: 2000 }, (_, n) => ({ number: first + n })));
        }
        rows.addGap({ first: 400_000, count: 3000, reason: "slow-viewer" });
        rows.add([{ number: 403_000 }]);
        const { rows: gone, missing } = rows.window(10, 2);
        rows.load(missing[0], Array.from({ length: 1000 }, (_, n) => ({ number: n })));
        const back = rows.window(10, 2).rows;
        const at = rows.gapAt(400_000);
        const fetched = Array.from({ length: 1000 }, (_, n) => ({ number: 400_000 + n }));
        const rest = { first: 401_000, count: 2000, reason: "slow-viewer" };
        const added = rows.fill(at, fetched, rest);
        const tail = rows.window(rows.total - 3, 3).rows;
        return { loaded: rows.loaded.size, gone, back, added, tail, total: rows.total };
        """,
    )
    assert found["loaded"] <= 151
    assert found["gone"] == [None, None]
    assert found["back"] == [{"number": 10}, {"number": 11}]
    assert (found["added"], found["total"]) == (1000, 401_002)
    assert [row.get("number") for row in found["tail"]] == [400_999, None, 403_000]


def test_a_chart_has_so_many_points_however_long_the_capture(run: Any) -> None:
    found = run(
        "live/rates.js",
        """
        const rates = new page.Rates();
        for (let second = 0; second < 86_400; second++) {
            rates.add([{ time: `${1795384502 + second}.000000001`, length: 100 }]);
        }
        rates.add([{ time: "1.0", length: 100 }]);
        const { seconds, packets, width } = rates.series();
        return { points: seconds.length, rate: packets[5], width };
        """,
    )
    assert found["points"] <= 600
    assert found["rate"] == 1
    assert found["width"] == 256
