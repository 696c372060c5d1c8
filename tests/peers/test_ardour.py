"""A real DAW leads: Ardour's MIDI clock over JACK, and what sideman plays to it, on one tape."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.peers.ardour import CLOCK_OUT, ardour, tick_tape
from tests.peers.jack import jack_server, output_ports
from tests.serving import serving, until

pytestmark = pytest.mark.peer

BPM = 133.0
BEAT_TICKS = 24
SETTLED_BEATS = 16
BEATS = 28
RATE = 48_000
OFF_MS = 50.0
"""A device has buffers that nobody tells of, and this one misses periods where the machine is busy
with other tests. How exactly a clock is followed is measured by `sideman bench time`."""


def test_sideman_plays_on_the_beats_of_ardours_clock(tmp_path: Path) -> None:
    words = ("--clock", "midi", "--output", "system jack")
    with (
        jack_server(RATE, waits=False),
        ardour(tmp_path, BPM) as daw,
        serving(tmp_path, *words) as us,
    ):
        us.send("/deck/1/prompt", "techno, kick only")
        us.send("/deck/1/play")
        us.sync()
        with tick_tape(CLOCK_OUT, output_ports("sideman")) as tape:
            daw.play()
            ticks = tape.wait_for_ticks(BEATS * BEAT_TICKS)
            state, *_ = us.ask("/clock/state")
            daw.stop()
            until(lambda: us.status()["playing"] == 0, "it goes on after Ardour's stop")
        audio = np.abs(tape.audio()).sum(axis=1)
    beats = ticks[SETTLED_BEATS * BEAT_TICKS :: BEAT_TICKS][:-1]
    onsets = [onset(audio, beat) for beat in beats]
    off_ms = [(heard - beat) * 1000 / RATE for heard, beat in zip(onsets, beats, strict=True)]
    assert state == "following"
    assert tempo_bpm(onsets) == pytest.approx(tempo_bpm(beats), abs=0.1)
    assert tempo_bpm(beats) == pytest.approx(BPM, abs=0.1)
    assert abs(np.median(off_ms)) < OFF_MS, off_ms


def tempo_bpm(beats: list[int]) -> float:
    """The middle one of what each pair of beats four apart says."""
    return float(
        60 * RATE / np.median([(b - a) / 4 for a, b in zip(beats, beats[4:], strict=False)])
    )


def onset(audio: np.ndarray, beat: int) -> int:
    """Where the kick nearest to sample `beat` begins to sound: its steepest rise."""
    first, window = beat - RATE // 10, RATE // 1000
    near = audio[first - window : beat + RATE // 10]
    level = np.convolve(near, np.ones(window), "valid")
    return first + int(np.argmax(level[window:] - level[:-window]))
