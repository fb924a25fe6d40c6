"""Plots of a report, as PNG: what was measured beside its peers, and the curves."""

from itertools import groupby
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot
from matplotlib.axes import Axes

from tests.bench.report import Curve, Report, Row


def draw(report: Report, folder: Path) -> None:
    """A picture a bench, with a bar for each row; and one a curve."""
    for bench, rows in groupby(report.rows, key=lambda row: row.bench):
        _bars(list(rows), folder / f"{bench}.png")
    for number, curve in enumerate(report.curves):
        _curve(curve, folder / f"{curve.bench}-curve-{number}.png")


def _bars(rows: list[Row], path: Path) -> None:
    figure, axes = pyplot.subplots(len(rows), 1, figsize=(9, 1.3 * len(rows)), squeeze=False)
    for axis, row in zip(axes[:, 0], rows, strict=True):
        _bar(axis, row)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _bar(axis: Axes, row: Row) -> None:
    names, values, lows, highs = ["ours"], [row.median], [min(row.ours)], [max(row.ours)]
    if row.peer_median is not None:
        names.append(row.peer[:30])
        values.append(row.peer_median)
        lows.append(min(row.theirs))
        highs.append(max(row.theirs))
    errors = [
        [value - low for value, low in zip(values, lows, strict=True)],
        [high - value for value, high in zip(values, highs, strict=True)],
    ]
    axis.barh(names, values, xerr=errors, color=["#2b6cb0", "#a0aec0"][: len(names)])
    if row.budget is not None and row.budget_of == "ours":
        axis.axvline(row.budget, color="#c53030", linewidth=1)
    axis.set_title(f"{row.what} [{row.unit}], {row.better} is better", fontsize=8, loc="left")
    axis.tick_params(labelsize=7)
    axis.invert_yaxis()


def _curve(curve: Curve, path: Path) -> None:
    figure, axis = pyplot.subplots(figsize=(8, 4.5))
    for name, points in curve.lines.items():
        axis.plot(*zip(*points, strict=True), marker="o", markersize=3, label=name)
    axis.set(title=curve.title, xlabel=curve.x, ylabel=curve.y, ylim=(0, None))
    axis.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
