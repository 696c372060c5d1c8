"""Determinism, rewinding, and what a change of steering does at its sample."""

from __future__ import annotations

from functools import cache
from itertools import cycle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.api import REWIND_S, Audio, Steering, Timing
from engine.errors import BadValue
from engine.groove.stream import GrooveStream
from tests.engine.groove.playing import (
    ENGINE,
    RATE,
    open_stream,
    play,
    play_with,
    power_db,
    steepest,
    steering,
)

LENGTH = 90_000
CHANGES = [
    (10_001, steering("house", timing=Timing(10_001, 10_001 / 24_000, 133.3))),
    (20_000, steering("jazz", ("house", 0.4), timing=Timing(10_001, 10_001 / 24_000, 133.3))),
    (30_000, steering("techno", ("jazz", 0.5), bpm=128.0, morph_frames=25_000)),
    (44_444, steering("techno", ("jazz", 0.5), bpm=128.0, temperature=1.5, top_k=3)),
    (60_000, steering("techno", ("jazz", 0.9), bpm=128.0)),
    (70_000, steering("techno", ("jazz", 0.9), bpm=128.0, seed=9)),
    (80_000, steering("lofi", seed=9, timing=Timing(80_000, 33.0, 90.0))),
]


@cache
def whole() -> Audio:
    return play_with(open_stream("house"), CHANGES, LENGTH, 1_024)


def steer_due(stream: GrooveStream, changes: list[tuple[int, Steering]]) -> int:
    """Apply what is due; samples until the next change."""
    while changes and changes[0][0] == stream.position:
        stream.steer(changes.pop(0)[1])
    return int(changes[0][0] if changes else LENGTH) - stream.position


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 9_000), min_size=1, max_size=40))
def test_any_partition_gives_the_same_samples(steps: list[int]) -> None:
    stream, changes, out = open_stream("house"), list(CHANGES), []
    sizes = cycle([*steps, 7_000])
    while stream.position < LENGTH:
        until = steer_due(stream, changes)
        out.append(ENGINE.step([stream], min(next(sizes), until))[0])
    assert np.array_equal(np.concatenate(out), whole())


@settings(max_examples=20, deadline=None)
@given(st.integers(0, LENGTH), st.integers(1, LENGTH))
def test_rewinding_and_playing_again_gives_the_same_samples(frame: int, reached: int) -> None:
    stream = open_stream("house")
    play_with(stream, [c for c in CHANGES if c[0] < reached], reached)
    frame = min(frame, reached)
    stream.rewind(frame)
    assert stream.position == frame
    again = play_with(stream, [c for c in CHANGES if c[0] >= frame], LENGTH)
    assert np.array_equal(again, whole()[frame:])


def test_a_fresh_engine_gives_the_same_samples() -> None:
    from engine.groove import GrooveEngine

    other = GrooveEngine(RATE).open(steering("house"))
    assert np.array_equal(play_with(other, CHANGES, LENGTH), whole())


def test_streams_do_not_disturb_each_other() -> None:
    one, two = open_stream("house"), open_stream("jazz")
    together = [ENGINE.step([one, two], 3_000) for _ in range(10)]
    alone = play(open_stream("house"), 30_000)
    assert np.array_equal(np.concatenate([a for a, _ in together]), alone)


def test_rewind_bounds() -> None:
    stream = open_stream("house, drums only")
    play(stream, 1_000)
    for frame in (-1, 1_001):
        with pytest.raises(BadValue, match="out of range"):
            stream.rewind(frame)


def test_steering_log_is_bounded_but_long_enough() -> None:
    stream = open_stream("techno, kick only")
    for i in range(600):
        play(stream, 4_800, 4_800)
        bpm = 100 + i % 50
        beat = stream.position / 24_000
        stream.steer(steering("techno, kick only", timing=Timing(stream.position, beat, bpm)))
    assert len(stream._segments) < 200
    stream.rewind(stream.position - int(REWIND_S * RATE))
    with pytest.raises(BadValue):
        stream.rewind(0)


def test_seeds_differ() -> None:
    one = play(open_stream("house", seed=1), RATE)
    assert not np.array_equal(one, play(open_stream("house", seed=2), RATE))


@pytest.mark.parametrize("frame", [48_000, 51_234])
def test_a_new_prompt_is_heard_within_a_millisecond(frame: int) -> None:
    old = play(open_stream("house"), frame + 10_000)
    stream = open_stream("house")
    play(stream, frame)
    stream.steer(steering("orchestral, strings only, calm"))
    new = play(stream, 10_000)
    assert not np.array_equal(new[:48], old[frame : frame + 48])


def test_the_old_prompt_is_gone_after_its_fade() -> None:
    stream = open_stream("ambient")
    play(stream, 60_000)
    stream.steer(steering("techno, kick only", timing=Timing(60_000, 0.3, 20.0)))
    tail = play(stream, 12_000)
    assert power_db(tail[:480]) > -40
    assert np.abs(tail[int(0.125 * RATE) :]).max() < 1e-6


def test_an_onset_on_the_change_has_its_full_attack() -> None:
    stream = open_stream("ambient, strings only")
    play(stream, 48_000)
    stream.rewind(48_000)
    stream.steer(steering("techno, kick only"))
    changed = play(stream, 6_000)
    fading = open_stream("ambient, strings only")
    play(fading, 48_000)
    fading.steer(steering("techno, kick only", timing=Timing(48_000, 2.1, 20.0)))
    tail = play(fading, 6_000)
    beginning = open_stream("techno, kick only", timing=Timing(0, 2.0, 120.0))
    assert np.allclose(changed - tail, play(beginning, 6_000), atol=2e-3)


def test_what_would_be_sounding_comes_in() -> None:
    at = 3.0
    opened = play(open_stream("strings only", timing=Timing(0, at, 30.0)), 9_600)
    assert power_db(opened[480:]) > -45
    assert np.abs(opened[:2]).max() < 0.01


def test_a_tempo_change_fades_nothing() -> None:
    frame = 31_000
    change = steering("ambient", timing=Timing(frame, frame / 24_000, 240.0))
    bent = play_with(open_stream("ambient"), [(frame, change)], 32_000)
    straight = play(open_stream("ambient"), 32_000)
    assert not open_stream("ambient").onsets(frame, 32_000)
    assert np.array_equal(bent, straight)


def test_numbers_alone_restart_nothing() -> None:
    frame = 30_000
    change = steering("ambient", temperature=1.9, top_k=1, guidance=9.0)
    steered = play_with(open_stream("ambient"), [(frame, change)], 30_500)
    assert np.array_equal(steered, play(open_stream("ambient"), 30_500))


@pytest.mark.parametrize("first", ["ambient", "techno", "jazz", "orchestral", "trap", "chiptune"])
@pytest.mark.parametrize("then", ["lofi", "dnb", "ambient"])
def test_a_change_does_not_click(first: str, then: str) -> None:
    frame = 70_003
    stream = open_stream(first)
    before = play(stream, frame)
    stream.steer(steering(then))
    after = play(stream, 20_000)
    seam = np.concatenate([before[-64:], after[:64]])
    normal = max(steepest(before), steepest(play(open_stream(then), 96_000)))
    assert steepest(seam) <= normal


def test_steering_again_at_the_same_frame_replaces() -> None:
    stream = open_stream("house")
    play(stream, 30_000)
    stream.steer(steering("jazz"))
    stream.steer(steering("techno"))
    once = open_stream("house")
    play(once, 30_000)
    once.steer(steering("techno"))
    assert np.array_equal(play(stream, 20_000), play(once, 20_000))
