"""The beat tracker, against music whose beats are known."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.bench.material import PER_BAR, Material, babble, band, drift, noise, pad, pulse, steady
from bridge.warp.beats import LOOKAHEAD_S, Beat, BeatTracker
from engine.api import Audio, Steering, Timing, WeightedPrompt
from engine.groove import load

RATE = 32000
SETTLING_BEATS = 4 * PER_BAR


@pytest.fixture(scope="module")
def played() -> Material:
    return band(steady(117.3), 20.0, RATE, channels=1)


def tracked(audio: Audio, bpm: float, rate: int = RATE) -> BeatTracker:
    tracker = BeatTracker(rate, bpm)
    tracker.feed(audio)
    return tracker


def followed(material: Material, bpm: float) -> list[Beat]:
    """Settled beats, read as they settle, which is how they are used."""
    tracker, beats, seen = BeatTracker(material.rate, bpm), list[Beat](), 0
    piece = round(0.1 * material.rate)
    for at in range(0, len(material.audio), piece):
        tracker.feed(material.audio[at : at + piece])
        beats += tracker.beats(seen, tracker.settled)
        seen = tracker.settled
    return beats


def errors_ms(material: Material, beats: list[Beat], after: int) -> NDArray[np.float64]:
    """Of every true beat after the first few that is settled: how far the nearest one found is."""
    found = np.array([beat.sample for beat in beats])
    true = np.array(material.beats[after:])
    true = true[true < len(material.audio) - 1.6 * LOOKAHEAD_S * material.rate]
    assert len(true) > 8
    nearest = found[np.abs(found[:, None] - true).argmin(axis=0)]
    errors: NDArray[np.float64] = np.abs(nearest - true) / material.rate * 1000
    return errors


def same(one: BeatTracker, other: BeatTracker) -> bool:
    reach = one.fed + one.rate
    return (
        one.beats(0, reach) == other.beats(0, reach)
        and (one.fed, one.settled) == (other.fed, other.settled)
        and (one.bpm, one.clear) == (other.bpm, other.clear)
    )


@pytest.mark.parametrize(("rate", "channels"), [(44100, 2), (48000, 1), (32000, 2)])
def test_each_beat_of_players_is_found_where_they_play_it(rate: int, channels: int) -> None:
    material = band(steady(117.3), 20.0, rate, channels=channels)
    errors = errors_ms(material, followed(material, 120.0), SETTLING_BEATS)
    assert np.median(errors) <= 3
    assert np.percentile(errors, 95) <= 12


def test_a_drift_is_followed() -> None:
    material = band(drift(97, 100, 30.0), 30.0, RATE, channels=1)
    errors = errors_ms(material, followed(material, 100.0), SETTLING_BEATS)
    assert np.median(errors) <= 3
    assert np.percentile(errors, 95) <= 12


@pytest.mark.parametrize("off", [0.94, 1.06])
def test_the_tempo_asked_for_may_be_wrong(off: float) -> None:
    material = band(steady(101.0), 20.0, RATE, channels=1, seed=3)
    beats = followed(material, 101.0 * off)
    assert np.percentile(errors_ms(material, beats, SETTLING_BEATS), 95) <= 12
    gaps_s = [(b.sample - a.sample) / RATE for a, b in pairwise(beats)]
    assert max(gaps_s) < 0.7, "one is missing"
    assert min(gaps_s) > 0.5, "one is too many"


def test_a_new_tempo_is_followed_within_four_bars() -> None:
    at_s = 14.0
    material = band(lambda s: 100 if s < at_s else 130, 30.0, RATE, channels=1)
    tracker = BeatTracker(RATE, 100.0)
    change = round(at_s * RATE)
    tracker.feed(material.audio[:change])
    tracker.expect(130.0)
    tracker.feed(material.audio[change:])
    first = next(i for i, beat in enumerate(material.beats) if beat > change)
    errors = errors_ms(material, tracker.beats(0, tracker.settled), first + SETTLING_BEATS)
    assert np.percentile(errors, 95) <= 12
    assert tracker.bpm == pytest.approx(130, rel=0.01)


def test_a_synthesiser_without_drums_has_a_beat_too() -> None:
    material = pulse(110.0, 20.0, RATE, channels=1)
    errors = errors_ms(material, followed(material, 112.0), SETTLING_BEATS)
    assert np.percentile(errors, 95) <= 12


@pytest.mark.parametrize("style", ["lofi", "techno", "trance"])
def test_beats_and_bars_of_the_embedded_engine(style: str) -> None:
    material = groove(style, 120.0, 24.0)
    beats = followed(material, 116.0)
    errors = errors_ms(material, beats, SETTLING_BEATS)
    assert np.median(errors) <= 3
    assert np.percentile(errors, 90) <= 12
    assert share_of_bars(material, beats) > 0.7


def groove(style: str, bpm: float, seconds: float) -> Material:
    rate = 32000
    engine = load(rate)
    steering = Steering((WeightedPrompt(style),), seed=3, timing=Timing(0.0, 0.0, bpm))
    (audio,) = engine.step([engine.open(steering)], round(seconds * rate))
    beats = np.arange(0.0, seconds, 60 / bpm) * rate
    return Material(audio, rate, tuple(float(beat) for beat in beats))


def share_of_bars(material: Material, beats: list[Beat]) -> float:
    """Of the true first beats of bars, how many are said to be ones."""
    true = np.array(material.beats)
    right = []
    for beat in beats:
        number = int(np.abs(true - beat.sample).argmin())
        if number >= SETTLING_BEATS and number % PER_BAR == 0:
            right.append(beat.downbeat > 0.5)
    assert right
    return float(np.mean(right))


def test_bars_are_found(played: Material) -> None:
    beats = followed(played, 120.0)
    assert share_of_bars(played, beats) == 1.0
    likely = [beat.downbeat for beat in beats[SETTLING_BEATS : SETTLING_BEATS + PER_BAR]]
    assert sum(likely) == pytest.approx(1.0, abs=0.1)


def test_the_beat_is_clear_within_four_bars(played: Material) -> None:
    four_bars = round(4 * PER_BAR * 60 / 117.3 * RATE)
    assert tracked(played.audio[:four_bars], 120.0).clear


@pytest.mark.parametrize("bpm", [90.0, 120.0, 150.0])
@pytest.mark.parametrize("make", [pad, noise, babble])
def test_what_has_no_beat_is_never_clear(make: object, bpm: float) -> None:
    assert callable(make)
    audio = make(20.0, RATE, channels=1)
    tracker = BeatTracker(RATE, bpm)
    for at in range(0, len(audio), RATE // 2):
        tracker.feed(audio[at : at + RATE // 2])
        assert not tracker.clear, f"at {at / RATE} s"
        assert tracker.beats(0, tracker.fed + RATE) == []
    assert tracker.decided


def test_silence_has_no_beat_and_music_after_it_does(played: Material) -> None:
    silence = np.zeros((10 * RATE, 1), np.float32)
    tracker = tracked(silence, 120.0)
    assert not tracker.clear
    tracker.feed(played.audio)
    beats = tracker.beats(0, tracker.settled)
    assert beats[0].sample > len(silence)
    gaps_s = [(b.sample - a.sample) / RATE for a, b in pairwise(beats)]
    assert gaps_s == pytest.approx([60 / 117.3] * len(gaps_s), abs=0.03)


def test_a_break_keeps_the_beat_and_an_end_does_not(played: Material) -> None:
    tracker = tracked(played.audio[: 15 * RATE], 120.0)
    tracker.feed(np.zeros((RATE, 1), np.float32))
    assert tracker.clear
    tracker.feed(np.zeros((14 * RATE, 1), np.float32))
    assert not tracker.clear


def test_any_sizes_of_pieces_give_the_same(played: Material) -> None:
    whole = tracked(played.audio, 120.0)
    dice = np.random.default_rng(1)
    parts = BeatTracker(RATE, 120.0)
    at = 0
    while at < len(played.audio):
        n = int(dice.choice([0, 1, 319, 4000, 90_000]))
        parts.feed(played.audio[at : at + n])
        at += n
    assert same(parts, whole)


@pytest.mark.parametrize("back_s", [0.0001, 0.3, 2.0, 9.0])
def test_after_a_rewind_it_is_as_if_that_had_never_been_fed(
    played: Material, back_s: float
) -> None:
    end = 14 * RATE
    kept = end - round(back_s * RATE)
    tracker = tracked(played.audio[:end], 120.0)
    tracker.rewind(kept)
    assert same(tracker, tracked(played.audio[:kept], 120.0))
    tracker.feed(noise(1.0, RATE, channels=1))
    tracker.rewind(kept)
    tracker.feed(played.audio[kept:])
    assert same(tracker, tracked(played.audio, 120.0))


def test_a_rewind_keeps_the_tempo_that_is_expected(played: Material) -> None:
    """A stream is steered first, and rewound for it when the engine answers."""
    other = band(steady(140.0), 12.0, RATE, channels=1).audio
    tracker = tracked(played.audio[: 10 * RATE], 100.0)
    tracker.expect(140.0)
    tracker.rewind(0)
    tracker.feed(other)
    assert same(tracker, tracked(other, 140.0))


def test_settled_beats_do_not_change(played: Material) -> None:
    tracker = BeatTracker(RATE, 120.0)
    places: dict[int, float] = {}
    for at in range(0, len(played.audio), RATE // 4):
        tracker.feed(played.audio[at : at + RATE // 4])
        now = [beat.sample for beat in tracker.beats(0, tracker.settled)]
        for index, sample in enumerate(now):
            assert places.setdefault(index, sample) == sample
    assert len(places) > SETTLING_BEATS


def test_beats_are_expected_beyond_what_was_heard(played: Material) -> None:
    tracker = tracked(played.audio[: 12 * RATE], 120.0)
    beyond = tracker.beats(tracker.fed, tracker.fed + 3 * RATE)
    assert len(beyond) == pytest.approx(3 * 117.3 / 60, abs=1)
    assert all(beat.strength == 0 for beat in beyond)
    true = np.array([beat for beat in played.beats if beat > tracker.fed])
    assert all(np.abs(true - beat.sample).min() < 0.04 * RATE for beat in beyond)


def test_memory_is_bounded(played: Material) -> None:
    tracker = tracked(np.tile(played.audio, (4, 1)), 120.0)
    oldest = tracker.beats(0, tracker.fed)[0].sample
    assert tracker.fed - oldest < 50 * RATE
