"""The figures of a run as a picture. Needs matplotlib, the extra `sideman[bench]`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from engine.bench.job import SIDEMAN, Measured
from engine.bench.report import Report
from engine.errors import BadValue, EngineUnavailable

KINDS = (".png", ".svg", ".pdf")
_OURS, _THEIRS, _LIMIT = "#1b6ca8", "#b0b0b0", "#c0392b"


def check(path: Path) -> None:
    """Before anything is measured. Raises BadValue for another kind of file, EngineUnavailable
    without matplotlib."""
    if path.suffix not in KINDS:
        raise BadValue(f"--plot {path}: the name must end in one of {' '.join(KINDS)}")
    if find_spec("matplotlib") is None:
        raise EngineUnavailable("--plot needs matplotlib: pip install 'sideman[bench]'")


def write(report: Report, path: Path) -> None:
    """Three pictures side by side: speed beside its limit, streams at once, memory."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height_in = 1.5 + 0.4 * max(len(report.measured), 4)
    figure = Figure(figsize=(15, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    speed, lanes, memory = figure.subplots(1, 3)
    _draw_speed(report, speed)
    _draw_lanes(report, lanes)
    _draw_memory(report, memory)
    figure.suptitle(f"{report.model}, {report.machine.gpu or report.machine.device}")
    figure.savefig(path, dpi=150)


def _draw_speed(report: Report, axes: Any) -> None:
    rows = [row for row in report.measured if row.steps_s]
    _bars(axes, rows, [report.realtime(row.steps_s) for row in rows])
    limits = [report.realtime(report.limit_steps_s(row)) for row in rows]
    axes.plot(limits, range(len(rows)), "|", color=_LIMIT, markersize=14)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_title("× real time, one stream with guidance; red: what memory allows")


def _draw_lanes(report: Report, axes: Any) -> None:
    drawn = [row for row in report.measured if row.lanes_steps_s]
    for row in drawn:
        counts = sorted(row.lanes_steps_s)
        rates = [report.realtime(row.lanes_steps_s[count]) for count in counts]
        style = "o-" if row.who == SIDEMAN else "x:"
        axes.plot(counts, rates, style, label=row.name)
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(report.plan.lanes, [str(count) for count in report.plan.lanes])
    axes.set_title("× real time of each of so many streams")
    if drawn:
        axes.legend(fontsize="small")


def _draw_memory(report: Report, axes: Any) -> None:
    rows = [row for row in report.measured if row.peak_bytes]
    _bars(axes, rows, [(row.gpu_peak_bytes or row.peak_bytes or 0) / 1e9 for row in rows])
    where = "GPU memory" if any(row.gpu_peak_bytes for row in rows) else "memory"
    axes.set_title(f"peak {where} with one stream, GB")


def _bars(axes: Any, rows: list[Measured], values: list[Any]) -> None:
    colours = [_OURS if row.who == SIDEMAN else _THEIRS for row in rows]
    axes.barh(range(len(rows)), values, color=colours)
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    axes.invert_yaxis()
