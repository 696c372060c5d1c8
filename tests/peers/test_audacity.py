"""Audacity imports a clip: what it takes its length, channels and rate to be."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.peers.audacity import audacity
from tests.serving import sideman

pytestmark = pytest.mark.peer

RATE = 48_000
SAMPLES = round(2 * 4 * 60 / 127 * RATE)
"""Two bars at 127 BPM."""


def test_audacity_imports_a_clip_to_the_sample(tmp_path: Path) -> None:
    clip, back = tmp_path / "clip.wav", tmp_path / "back.wav"
    words = ("--engine", "groove", "--bars", "2", "--bpm", "127", "-o", str(clip))
    done = sideman("generate", "techno", *words)
    assert done.returncode == 0, done.stderr
    with audacity(tmp_path / "home") as editor:
        editor.do(f'Import2: Filename="{clip}"')
        (span,) = json.loads(editor.do("GetInfo: Type=Clips Format=JSON"))
        (track,) = json.loads(editor.do("GetInfo: Type=Tracks Format=JSON"))
        editor.do("SelectAll:")
        editor.do(f'Export2: Filename="{back}" NumChannels=2')
    assert (span["start"], round(span["end"] * RATE)) == (0, SAMPLES)
    assert (track["kind"], track["channels"]) == ("wave", 2)
    # An empty project takes its rate from what is imported; its own would be 44100.
    exported, rate = soundfile.read(back, dtype="float32", always_2d=True)
    assert (rate, exported.shape) == (RATE, (SAMPLES, 2))
    original, _ = soundfile.read(clip, dtype="float32", always_2d=True)
    np.testing.assert_allclose(exported, original, atol=2**-10)  # 16 bits, noise-shaped
