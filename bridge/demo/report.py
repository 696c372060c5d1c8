"""The demo in words: a line as each thing happens, and the table at the end."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bridge.demo.events import Event
from bridge.demo.following import FROM_BPM, JITTER_S, TO_BPM, Followed
from bridge.demo.result import Result
from bridge.demo.story import BARS, FIRST_BPM, LAST_BPM, PASSAGES
from bridge.demo.warping import OWN_BPM, SOURCE, WANTED_BPM
from bridge.row import Value
from bridge.warp.file import Warped

_SHOWN = frozenset(("/clip/done", "/clip/failed", "/record/done", "/error", "/late"))
"""Of what is heard; beats would be too many."""


def line_of(event: Event) -> str:
    """`bar 5.1  /tempo 132`, or empty for what need not be shown."""
    if event.kind == "heard" and event.address not in _SHOWN:
        return ""
    where = f"bar {event.place}" if event.place else ""
    arrow = "->" if event.kind == "sent" else "<-"
    words = " ".join([event.address, *map(_word, event.args)])
    says = f"   ({event.says})" if event.says else ""
    return f"{where:8s}  {arrow} {words}{says}"


def _word(value: Value) -> str:
    if isinstance(value, str):
        return f'"{value}"' if " " in value else value
    return f"{value:g}" if isinstance(value, float) else str(value)


def table(
    result: Result, followed: Followed, warped: Warped, folder: Path, replayed: str
) -> list[str]:
    """What was made and measured; `replayed` says how the replay compared."""
    played = result.played
    usual_s, least_s = played.ear.headroom_s
    rows = [
        ("master", f"{folder / result.recording}  {result.recorded_s:.1f} s, {BARS} bars"),
        *(("loop", str(folder / clip)) for clip in result.clips),
        ("replay", replayed),
        ("tempo", _tempo(result)),
        ("onsets", _onsets(result)),
        ("latency", _latency(result)),
        ("", _device(result)),
        ("xruns", f"{played.xruns}, late launches {played.late}"),
        ("headroom", f"{usual_s:.2f} s made ahead; {least_s:.2f} s at least, after a change"),
        ("following", _following(followed)),
        ("warp", f"{warped.path}  {_warp(warped)}"),
    ]
    return [f"{name:9s} {text}" for name, text in rows]


def _tempo(result: Result) -> str:
    found = [f"{fit.bpm:.3f}" if fit else "unclear" for fit in result.fits]
    asked = f"sent {FIRST_BPM:g} and {LAST_BPM:g} BPM"
    return f"{asked}, in the recording {' and '.join(found) or 'unclear'}"


def _following(followed: Followed) -> str:
    off_ms = np.abs(followed.errors_ms)
    if not len(off_ms):
        return "unclear"
    return (
        f"a host over OSC from {FROM_BPM:g} to {TO_BPM:g} BPM, each message up to"
        f" {1000 * JITTER_S:g} ms off: {len(off_ms)} kicks, {np.median(off_ms):.1f} ms (median)"
        f" and {off_ms.max():.1f} ms (worst) off its beats"
    )


def _warp(warped: Warped) -> str:
    off_ms = warped.judgement.after_ms or [float("inf")]
    return (
        f"from {SOURCE} at {OWN_BPM:g} BPM: {warped.judgement.beats} beats, as its own tracker"
        f" hears them {np.median(off_ms):.1f} ms (median) and {max(off_ms):.1f} ms (worst) off the"
        f" grid of {WANTED_BPM:g}"
    )


def _onsets(result: Result) -> str:
    count = sum(fit.strikes for fit in result.fits if fit)
    if not count:
        return "unclear"
    beats = sum(passage.beats for passage in PASSAGES)
    worst, ms = result.worst_samples, 1000 * result.worst_samples / result.played.rate
    return f"{worst:.2f} samples ({ms:.3f} ms) off the grid at worst; {count} kicks, {beats} beats"


def _latency(result: Result) -> str:
    parts = []
    for heard in result.heard:
        what = heard.event.address + (" to silence" if heard.event.effect == "silence" else "")
        after = "never" if heard.after_s is None else f"{1000 * heard.after_s:.0f} ms"
        parts.append(f"{what} {after}")
    return ", ".join(parts)


def _device(result: Result) -> str:
    played = result.played
    if not played.latency_s:
        return "from sending to the first changed sample's leaving for the output"
    return (
        "from sending to the first changed sample's leaving for the device,"
        f" which by its own account adds {1000 * played.latency_s:.0f} ms"
    )
