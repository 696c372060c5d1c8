"""Stretching piece by piece: lengths, pitch, joints, and bits that are kept."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.warp.stretch import CONTEXT_S, bend, cut, stretch
from engine.api import Audio
from engine.errors import BadValue

RATE = 24000
A, C, E = 220.0, 261.63, 329.63


def chord(seconds: float, channels: int = 2, octave: int = 1) -> Audio:
    """Held notes, float32 `[samples, channels]`."""
    t = np.arange(round(seconds * RATE)) / RATE
    wave = sum(np.sin(2 * np.pi * octave * hz * t + hz) for hz in (A, C, E))
    return np.repeat(0.15 * np.asarray(wave, np.float32)[:, None], channels, axis=1)


def clicks(at: list[int], length: int) -> Audio:
    out = np.zeros((length, 2), np.float32)
    t = np.arange(400)
    burst = (np.sin(2 * np.pi * 0.11 * t) * np.exp(-t / 60)).astype(np.float32)
    for sample in at:
        out[sample : sample + len(t)] += burst[:, None]
    return out


def levels_db(audio: Audio, window_s: float) -> NDArray[np.float64]:
    """Of consecutive windows, float64 `[windows]`."""
    n = round(window_s * RATE)
    rows = audio[: len(audio) // n * n, 0].reshape(-1, n).astype(np.float64)
    levels: NDArray[np.float64] = 10 * np.log10((rows**2).mean(axis=1))
    return levels


def flux(audio: Audio) -> NDArray[np.float64]:
    """How much the spectrum rises every 5 ms, float64 `[frames]`; frame `i` ends at `i * 120`."""
    frames = np.lib.stride_tricks.sliding_window_view(audio[:, 0], 512)[::120]
    spectra = np.abs(np.fft.rfft(frames * np.hanning(512)))
    rises: NDArray[np.float64] = np.maximum(np.diff(spectra, axis=0), 0).sum(axis=1)
    return rises


def marks_of(length: int, ratio: float) -> tuple[list[float], list[int]]:
    """Beats of half a second, each of which becomes so much shorter."""
    marks = [float(m) for m in range(round(0.2 * RATE), length - RATE // 4, RATE // 2)]
    return marks, [round((m - marks[0]) / ratio) for m in marks]


@pytest.mark.parametrize("ratio", [0.8, 0.93, 1.02, 1.25])
def test_a_held_chord_stays_as_loud_and_has_no_joints(ratio: float) -> None:
    source = chord(4.0)
    marks, targets = marks_of(len(source), ratio)
    out = bend(source, marks, targets, RATE)
    assert out.shape == (targets[-1], 2)
    # 50 ms hold some beats between the three notes, so that the source sets the measure.
    source_db, out_db = levels_db(source, 0.1), levels_db(out, 0.1)
    assert abs(out_db.mean() - source_db.mean()) < 0.5
    assert out_db.min() > source_db.min() - 2.0
    assert out_db.max() < source_db.max() + 2.0
    rises = flux(out)
    at_joints = [rises[max(0, t // 120 - 6) : t // 120 + 6].max() for t in targets[1:-1]]
    elsewhere = [rises[(a + b) // 240 - 6 : (a + b) // 240 + 6].max() for a, b in pairwise(targets)]
    assert max(at_joints) <= 1.5 * max(elsewhere)


@pytest.mark.parametrize("ratio", [0.8, 1.25])
def test_the_pitch_is_kept(ratio: float) -> None:
    # Of one piece: what comes of a row of them has the beats' rhythm in its spectrum. An octave up:
    # the stretcher does not tell low notes a third apart from each other quite.
    out = cut(chord(2.0, octave=2), 6000.0, 30000.0, round(24000 / ratio), 0, RATE)
    spectrum = np.abs(np.fft.rfft(out[:, 0] * np.hanning(len(out)), 8 * len(out)))
    hz = np.fft.rfftfreq(8 * len(out), 1 / RATE)
    for note_hz in (2 * A, 2 * C, 2 * E):
        near = (hz > note_hz / 1.03) & (hz < note_hz * 1.03)
        found_hz = hz[near][int(np.argmax(spectrum[near]))]
        assert abs(1200 * np.log2(found_hz / note_hz)) < 3  # cents


def test_each_mark_lands_on_its_target() -> None:
    marks = [3000, 14000, 27500, 39000]
    targets = [100, 11500, 24000, 35100]
    out = bend(clicks(marks, 48000), [float(m) for m in marks], targets, RATE)
    for target in targets[:-1]:
        at = target - targets[0]
        near = np.abs(out[max(0, at - 600) : at + 600, 0])
        begins = max(0, at - 600) + int(np.argmax(near > 0.3 * near.max()))
        assert abs(begins - at) < 0.003 * RATE


def test_what_keeps_its_length_keeps_its_bits() -> None:
    source = chord(2.0)
    out = bend(source, [6000.0, 18000.0, 30000.0], [0, 12000, 24000], RATE)
    np.testing.assert_array_equal(out, source[6000:30000])


def test_a_piece_is_a_function_of_what_is_around_it() -> None:
    dice = np.random.default_rng(1)
    source = (0.1 * dice.standard_normal((4 * RATE, 2))).astype(np.float32)
    piece = cut(source, 40000.0, 52000.0, 12500, 240, RATE)
    reach = round(CONTEXT_S * RATE)
    other = source.copy()
    other[: 40000 - reach] = 0.5
    other[52000 + reach :] = -0.5
    np.testing.assert_array_equal(cut(other, 40000.0, 52000.0, 12500, 240, RATE), piece)
    window = source[40000 - reach : 52000 + reach]
    same = cut(window, float(reach), float(reach + 12000), 12500, 240, RATE)
    np.testing.assert_array_equal(same, piece)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    ("start", "end", "samples"), [(0.0, 1.0, 1), (0.25, 7.5, 9), (0.0, 24000.0, 30001)]
)
def test_a_piece_has_its_length_even_at_the_ends_of_the_source(
    start: float, end: float, samples: int, channels: int
) -> None:
    piece = stretch(chord(1.0, channels), start, end, samples, 240, RATE)
    assert piece.shape == (samples + 240, channels)
    assert piece.dtype == np.float32
    assert np.isfinite(piece).all()


def test_pieces_that_are_none_and_marks_that_do_not_match_are_refused() -> None:
    source = chord(1.0)
    for start, end, samples in ((5.0, 5.0, 10), (-1.0, 5.0, 10), (0.0, 24001.0, 10), (0.0, 9.0, 0)):
        with pytest.raises(BadValue):
            stretch(source, start, end, samples, 0, RATE)
    with pytest.raises(BadValue, match="3 marks for 2 targets"):
        bend(source, [0.0, 10.0, 20.0], [0, 10], RATE)
    with pytest.raises(BadValue, match="at least 2"):
        bend(source, [0.0], [0], RATE)
