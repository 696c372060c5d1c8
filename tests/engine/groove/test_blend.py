"""Blends and morphs."""

from __future__ import annotations

import numpy as np
import pytest

from engine.groove.steering import mix_harmony, mix_of
from tests.engine.groove.playing import (
    RATE,
    open_stream,
    play,
    play_with,
    power_db,
    steepest,
    steering,
)


def test_shares_sum_to_one_and_the_faintest_are_left_out() -> None:
    mix = mix_of(steering(("a", 3.0), ("b", 1.0), ("c", 0.05), ("a", 2.0)).prompts)
    assert [text for text, _ in mix] == ["a", "b"]
    assert sum(share for _, share in mix) == pytest.approx(1)
    assert mix[0][1] == pytest.approx(5 / 6)


def test_the_heaviest_decides_the_harmony_and_a_named_key_wins() -> None:
    jazz = mix_harmony((("jazz", 1.0),), 4)
    assert mix_harmony((("jazz", 0.6), ("techno", 0.4)), 4) == jazz
    assert mix_harmony((("jazz", 0.6), ("techno in C", 0.4)), 4).tonic == 0
    minor = mix_harmony((("jazz", 0.6), ("techno in F# minor", 0.4)), 4)
    assert (minor.tonic, minor.mode) == (6, "minor")


def test_layers_play_at_the_root_of_their_shares() -> None:
    both = play(open_stream(("house, drums only", 3.0), ("house, strings only", 1.0)), RATE)
    drums = play(open_stream("house, drums only"), RATE)
    rest = both - drums * np.float32(0.75**0.5)
    strings = play(open_stream("house, strings only"), RATE)
    assert power_db(rest) == pytest.approx(power_db(strings) - 6, abs=1.0)


def test_the_same_drums_do_not_double() -> None:
    alone = play(open_stream("techno, kick only", temperature=0.05), 4 * RATE)
    both = open_stream("techno, kick only", "techno, just kick", temperature=0.05)
    assert power_db(play(both, 4 * RATE)) == pytest.approx(power_db(alone), abs=1.5)


def test_a_morph_moves_the_shares() -> None:
    frames = 4 * RATE
    target = steering("techno, drums only, no kick", morph_frames=frames)
    stream = open_stream("ambient, strings only, in C")
    play(stream, RATE)
    stream.steer(target)
    audio = play(stream, frames + 3 * RATE)
    low = []
    for at in range(0, frames, frames // 4):
        part = audio[at : at + frames // 4].mean(axis=1)
        spectrum = np.abs(np.fft.rfft(part)) ** 2
        hertz = np.fft.rfftfreq(part.size, 1 / RATE)
        low.append(float(spectrum[hertz < 1_500].sum() / spectrum[hertz > 5_000].sum()))
    assert low == sorted(low, reverse=True)
    after = audio[frames + 2 * RATE :]
    pure = play(open_stream("techno, drums only, no kick"), frames + 4 * RATE)
    assert np.allclose(after, pure[-RATE:], atol=1e-4)


def test_a_morph_is_smooth() -> None:
    change = steering("orchestral", morph_frames=RATE)
    audio = play_with(open_stream("ambient"), [(30_001, change)], 30_001 + 2 * RATE)
    normal = max(
        steepest(play(open_stream("ambient"), 2 * RATE)),
        steepest(play(open_stream("orchestral"), 3 * RATE)),
    )
    assert steepest(audio) <= 1.2 * normal


def test_turning_a_blend_knob_keeps_the_music_going() -> None:
    stream = open_stream(("ambient", 0.5), ("jazz, drums only", 0.5))
    play(stream, 30_000)
    said = stream.onsets(30_000, 120_000)
    for i in range(40):
        weight = 0.5 + 0.01 * i
        stream.steer(steering(("ambient", weight), ("jazz, drums only", 1 - weight)))
        play(stream, 480, 480)
    play(stream, 120_000 - stream.position)
    assert stream.onsets(30_000, 120_000) == said
