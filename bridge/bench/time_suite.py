"""`sideman bench time`: clocks, the tempo lock and loops, and pictures of all three."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from bridge.bench.clocks import JITTER_S, follow, measure_clocks
from bridge.bench.leading import Host, ticks
from bridge.bench.loops import hardest_to_cut, measure_loops, picture_of
from bridge.bench.suite import Measure
from bridge.bench.warping import SECONDS, cases, measure_warp, warp
from engine.errors import BadValue, EngineUnavailable

TIME: tuple[Measure, ...] = (measure_clocks, measure_warp, measure_loops)

_OURS, _PEER = "#1b6ca8", "#b0b0b0"
_DLL_S = 30.0


def check_pictures(folder: Path) -> None:
    """Before anything is measured. Raises BadValue if that is no folder, EngineUnavailable without
    matplotlib."""
    if not folder.is_dir():
        raise BadValue(f"--plot {folder}: there is no such folder")
    if find_spec("matplotlib") is None:
        raise EngineUnavailable("--plot needs matplotlib: pip install 'sideman[bench]'")


def write_pictures(folder: Path) -> None:
    """`clock.png`, `warp.png`, `seam.png`: each from a measurement of its own."""
    _draw(folder / "clock.png", 1, _clock)
    _draw(folder / "warp.png", 3, _warps)
    _draw(folder / "seam.png", 2, _seam)


def _draw(path: Path, rows: int, draw: Any) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 0.6 + 2.2 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    draw(figure.subplots(rows, 1, squeeze=False)[:, 0])
    figure.savefig(path, dpi=80)


def _clock(axes: Any) -> None:
    """The error of the transport while it follows a clock with ±3 ms of jitter."""
    host = Host(0.5, lambda beat: 120.0)
    looks = list(follow(host, ticks(host, _DLL_S, JITTER_S), _DLL_S))
    (plot,) = axes
    plot.plot([x.at_s for x in looks], [x.peer_error_ms for x in looks], color=_PEER, lw=0.5,
              label="the last 24 ticks")  # fmt: skip
    plot.plot([x.at_s for x in looks], [x.error_ms for x in looks], color=_OURS, label="sideman")
    plot.set_ylim(-8, 8)
    plot.set_ylabel("off the host's beat, ms")
    plot.set_xlabel("s")
    plot.legend(loc="upper right")
    plot.set_title("A MIDI clock at 120 BPM with ±3 ms of jitter, followed")


def _warps(axes: Any) -> None:
    """Each beat's error before and after."""
    for plot, case in zip(axes, cases(), strict=True):
        warped = warp(case, SECONDS)
        plot.plot(warped.at_s, warped.peer_ms, ".", color=_PEER, ms=4, label="one ratio")
        plot.plot(warped.at_s, warped.error_ms, ".", color=_OURS, ms=4, label="tempo lock")
        plot.set_ylim(-150, 150)
        plot.set_ylabel("ms off the beat")
        plot.set_title(f"Drums and bass with ±10 ms of jitter, {case.name} BPM", fontsize=10)
    axes[0].legend(loc="upper right")
    axes[-1].set_xlabel("s")


def _seam(axes: Any) -> None:
    """The wave over a loop's seam, and what is heard there beside other bar lines."""
    seam = picture_of(*hardest_to_cut())
    wave, flux = axes
    wave.plot(seam.ms, seam.plain, color=_PEER, label="cut plainly")
    wave.plot(seam.ms, seam.loop, color=_OURS, label="sideman")
    wave.axvline(0, color="black", lw=0.8)
    wave.set_title("A loop's end runs into its beginning", fontsize=10)
    wave.set_xlabel("ms from the seam")
    wave.legend(loc="upper left")
    bars = np.arange(len(seam.loop_flux))
    most = max(seam.loop_flux[:-1])
    flux.bar(bars - 0.2, np.array(seam.plain_flux) / most, 0.4, color=_PEER)
    flux.bar(bars + 0.2, np.array(seam.loop_flux) / most, 0.4, color=_OURS)
    flux.set_xticks(bars, [*(f"bar {bar}" for bar in bars[:-1] + 2), "seam"])
    flux.set_title("Spectral flux at its bar lines", fontsize=10)
