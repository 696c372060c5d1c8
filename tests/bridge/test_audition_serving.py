"""A clip auditioned on a real server, as the master's recording has it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bridge.clips.loop import loop_length
from bridge.clips.wav import read_wav, write_wav
from engine.api import Audio
from tests.bridge.clips.samples import clip_info, noise
from tests.serving import serving

RATE = 48000
BPM = 240.0
BAR = loop_length(1, 4, BPM, RATE)
STEP_24_BITS = 2.0**-23


def test_a_loop_is_in_the_recording_from_its_bar_on_and_without_a_gap(tmp_path: Path) -> None:
    loop, other = noise(BAR, level=0.05), noise(BAR, seed=1, level=0.05)
    with serving(tmp_path, "--no-http", "--no-midi") as server:
        for name, audio in (("loop.wav", loop), ("other.wav", other)):
            write_wav(server.clips / name, audio, RATE, clip_info(bars=1, bpm=BPM), bits=32)
        server.send("/record", 1)
        server.send("/tempo", BPM)
        server.send("/play")
        server.send("/clip/audition", "loop.wav")
        server.sync()
        server.play_until(12)
        server.send("/clip/audition", "other.wav")
        server.play_until(24)
        heard = read_wav(server.stop_recording()).audio
    entry = begun(heard, loop)
    assert np.abs(heard[: entry - RATE // 100]).max() < STEP_24_BITS
    change = begun(heard, other)
    rounds, rest = divmod(change - entry, BAR)
    assert rounds >= 1
    assert rest == 0  # both are on the bars of one transport
    expected = np.tile(loop, (rounds, 1))[: -RATE // 100]  # the other comes in before its line
    assert np.allclose(heard[entry : entry + len(expected)], expected, atol=2 * STEP_24_BITS)


def begun(heard: Audio, loop: Audio) -> int:
    """Where the first sample of the loop is heard first."""
    starts = np.flatnonzero(np.abs(heard[:, 0] - loop[0, 0]) < 2 * STEP_24_BITS)
    near = [at for at in starts if np.allclose(heard[at : at + 100], loop[:100], atol=1e-6)]
    return int(near[0])
