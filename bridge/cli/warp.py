"""`sideman warp IN.wav --bpm F`: bring a recording onto the grid, as decks are while they play."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from bridge.cli.progress import Progress
from bridge.warp.file import Warped, warp_file
from bridge.warp.lock import FASTEST, SLOWEST


def run(arguments: argparse.Namespace) -> int:
    """Prints the file's name and how its beats lie, before and after."""
    source: Path = arguments.source
    with Progress(f"warp {source.name}") as progress:
        warped = warp_file(source, arguments.out, arguments.bpm, arguments.from_bpm, progress.show)
    print(f"{warped.path}  {_verdict(warped, arguments.bpm)}")
    if warped.turned_down_db < -0.01:
        print(f"sideman: turned down by {-warped.turned_down_db:.1f} dB for its peaks to fit",
              file=sys.stderr)  # fmt: skip
    return 0


def _verdict(warped: Warped, bpm: float) -> str:
    judged = warped.judgement
    if warped.state == "free":
        return f"free, left as it was: {_why_free(warped, bpm)}"
    before, after = (_spread(ms) for ms in (judged.before_ms, judged.after_ms))
    line = (
        f"{judged.beats} beats of about {warped.bpm:.1f} BPM, {100 * judged.locked_share:.0f} %"
        f" locked to {bpm:g}; beats off by (median, 95 %) {before} ms before, {after} ms after"
    )
    return line + (f"; {warped.dropped_s:.2f} s before beat 1 dropped" if warped.dropped_s else "")


def _why_free(warped: Warped, bpm: float) -> str:
    if not warped.clear:
        return "no clear beat; if it has one, name its tempo with --from-bpm"
    return (
        f"its beat of {warped.bpm:.1f} BPM is too far from {bpm:g}"
        f" (it may be played {SLOWEST:g} to {FASTEST:g} times as fast, half and double time too)"
    )


def _spread(ms: list[float]) -> str:
    return f"{np.median(ms):.1f}, {np.percentile(ms, 95):.1f}"
