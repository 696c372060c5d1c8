"""Decks of an engine that keeps no time, kept on the grid while they play."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from engine import fake
from tests.bridge.rig import RATE, Rig
from tests.bridge.warp.drummer import Drummer, beats_in, notes_in

BPM = 120.0
BAR_S = 4 * 60 / BPM


@pytest.fixture
def drummer() -> Drummer:
    return Drummer(117.3, first_s=0.4)


@pytest.fixture
def rig(drummer: Drummer) -> Iterator[Rig]:
    rig = Rig(lambda: drummer, decks=1)
    yield rig
    rig.close()


def lock_of(rig: Rig) -> str:
    rig.send("/deck/1/lock")
    rig.turn()
    (state,) = rig.client.answers("/deck/1/lock")[-1]
    assert isinstance(state, str)
    return state


def errors_ms(rig: Rig, since_s: float, until_s: float | None = None) -> list[float]:
    """How far each kick that was heard is from the nearest beat of the transport."""
    end = len(rig.audio()) if until_s is None else round(until_s * RATE)
    first = round(since_s * RATE)
    tempo = rig.session.transport.map
    out = []
    for sample in beats_in(rig.audio()[first:end]):
        beat = tempo.beat_at(first + sample)
        out.append((beat - round(beat)) * 60_000 / tempo.at(first + sample).bpm)
    return out


def test_its_beats_fall_on_the_transport_s(rig: Rig) -> None:
    rig.send("/deck/1/play", "none")
    rig.run(16 * BAR_S)
    errors = errors_ms(rig, 4 * BAR_S)
    assert len(errors) == pytest.approx(12 * 4, abs=1)
    assert np.median(np.abs(errors)) <= 5
    assert np.percentile(np.abs(errors), 95) <= 20
    assert lock_of(rig) == "locked"


def test_a_change_of_tempo_bends_the_music_at_once(rig: Rig, drummer: Drummer) -> None:
    rig.send("/deck/1/play", "none")
    rig.run(8 * BAR_S)
    rig.send("/tempo", 132.0)
    rig.run(1.0)
    assert "132 bpm" in drummer.asked[-1]
    rig.run(8 * BAR_S)
    changed_s = 8 * BAR_S + 1.0
    heard = np.diff(beats_in(rig.audio()[round(changed_s * RATE) :])) / RATE
    assert np.median(heard) == pytest.approx(60 / 132, abs=0.01)
    assert np.percentile(np.abs(errors_ms(rig, changed_s)), 95) <= 20


def test_switched_off_it_goes_on_at_its_own_tempo_without_a_gap(rig: Rig) -> None:
    rig.send("/deck/1/play", "none")
    rig.run(8 * BAR_S)
    rig.send("/deck/1/warp", 0)
    rig.run(6 * BAR_S)
    assert lock_of(rig) == "off"
    gaps_s = np.diff(beats_in(rig.audio()[round(9 * BAR_S * RATE) :])) / RATE
    assert gaps_s == pytest.approx(60 / 117.3, abs=0.002)
    rig.send("/deck/1/warp", 1)
    rig.run(6 * BAR_S)
    assert lock_of(rig) == "locked"
    assert np.percentile(np.abs(errors_ms(rig, 17 * BAR_S)), 95) <= 20


def test_a_changed_prompt_keeps_the_beat(rig: Rig) -> None:
    rig.send("/deck/1/play", "none")
    rig.run(6 * BAR_S)
    for prompt in ("jazz", "techno", "ambient"):
        rig.send("/deck/1/prompt", prompt)
        rig.run(1.5 * BAR_S)
    assert np.percentile(np.abs(errors_ms(rig, 4 * BAR_S)), 95) <= 20
    gaps_s = np.diff(beats_in(rig.audio()[RATE:])) / RATE
    assert max(gaps_s) < 0.7, "a beat is missing"


def test_music_without_a_beat_is_left_alone() -> None:
    rig = Rig(partial(fake.load, hop=480), decks=1)
    try:
        rig.send("/deck/1/play", "none")
        rig.run(8 * BAR_S)
        assert lock_of(rig) == "free"
        heard = rig.audio()[RATE : 8 * RATE]
    finally:
        rig.close()
    off = Rig(partial(fake.load, hop=480), decks=1)
    try:
        off.send("/deck/1/warp", 0)
        off.send("/deck/1/play", "none")
        off.run(8 * BAR_S)
        assert np.array_equal(heard, off.audio()[RATE : 8 * RATE])
    finally:
        off.close()


def test_its_bars_come_to_begin_where_the_transport_s_do() -> None:
    rig = Rig(lambda: Drummer(117.3, first_s=1.2), decks=1)
    try:
        rig.send("/deck/1/play", "none")
        rig.run(24 * BAR_S)
        tempo = rig.session.transport.map
        notes = notes_in(rig.audio(), [tempo.sample_at(float(b)) for b in range(64, 92)])
    finally:
        rig.close()
    bars = [notes[i : i + 4] for i in range(0, len(notes), 4)]
    assert all(len(set(bar)) == 1 for bar in bars), bars
    assert all(a != b for a, b in pairwise(bars))


def test_a_lock_that_breaks_leaves_its_deck_playing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rig.send("/deck/1/play", "none")
    rig.run(6 * BAR_S)

    def broken(*_: object) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr("bridge.warp.lock.TempoLock._to_beat", broken)
    rig.run(4 * BAR_S)
    assert lock_of(rig) == "off"
    assert "tempo lock broke" in caplog.text
    gaps_s = np.diff(beats_in(rig.audio()[round(7 * BAR_S * RATE) :])) / RATE
    assert gaps_s == pytest.approx(60 / 117.3, abs=0.002)
