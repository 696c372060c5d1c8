"""A deck goes round its last whole bars, in time, until it is told to go on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest

from bridge.decks.hold import FADE_S, Hold, Workshop
from bridge.decks.memory import Memory
from bridge.decks.rounds import SEAM_S
from bridge.time.bars import last_bars
from bridge.time.tempo import Meter, TempoMap
from engine import fake
from engine.api import Audio
from tests.bridge.clips.samples import noise
from tests.bridge.clips.test_capture import onset, strokes, tempo_of
from tests.bridge.rig import RATE, Rig

FADE = round(FADE_S * RATE)
SEAM = round(SEAM_S * RATE)
BAR = 2 * RATE  # 4/4 at 120


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig(partial(fake.load, rate=RATE))
    yield rig
    rig.close()


def begin(rig: Rig) -> int:
    """Play deck 1; returns the sample of beat 0."""
    rig.send("/deck/1/play")
    rig.run(0.1)
    return rig.session.transport.map.anchors[0].sample


def played(rig: Rig, first: int, last: int) -> Audio:
    return rig.session.decks[1].memory.read(first, last)


def test_the_last_bar_goes_round_to_the_sample(rig: Rig) -> None:
    start = begin(rig)
    rig.run(5.3)
    rig.send("/deck/1/hold")
    rig.run(7.2)
    assert rig.state.get("/deck/1/state") == ("holding",)
    bar = played(rig, start + BAR, start + 2 * BAR)
    for at in (start + 3 * BAR, start + 4 * BAR, start + 5 * BAR):
        assert np.array_equal(played(rig, at, at + BAR - SEAM), bar[:-SEAM])


def test_it_begins_at_once_and_in_the_same_place_of_the_bar(rig: Rig) -> None:
    start = begin(rig)
    rig.run(5.3)
    now = rig.session.now
    rig.send("/deck/1/hold")
    rig.run(0.2)
    heard = played(rig, now + FADE + 300, now + FADE + 5000)
    assert np.array_equal(heard, played(rig, now + FADE + 300 - BAR, now + FADE + 5000 - BAR))
    assert now < start + 3 * BAR


@pytest.mark.parametrize("again", [(), (2,)])
def test_again_goes_on_where_it_would_be(rig: Rig, again: tuple[int, ...]) -> None:
    other = Rig(partial(fake.load, rate=RATE))
    for one in (rig, other):
        begin(one)
        one.run(4.5)
        if one is rig:
            one.send("/deck/1/hold", 2)
        one.run(3.0)
        if one is rig:
            one.send("/deck/1/hold", *again)
        one.run(0.5)
    assert rig.state.get("/deck/1/state") == ("playing",)
    end = rig.session.now
    assert np.array_equal(played(rig, end - 10000, end), played(other, end - 10000, end))
    other.close()


def test_another_number_of_bars_changes_it(rig: Rig) -> None:
    start = begin(rig)
    rig.run(8.5)
    rig.send("/deck/1/hold", 1)
    rig.run(2.0)
    rig.send("/deck/1/hold", 2)
    rig.run(8.0)
    assert rig.state.get("/deck/1/state") == ("holding",)
    two = played(rig, start + 3 * BAR, start + 5 * BAR - SEAM)
    heard = played(rig, start + 7 * BAR, start + 9 * BAR - SEAM)
    assert np.array_equal(heard, two)


def test_a_prompt_sent_meanwhile_is_there_when_it_goes_on(rig: Rig) -> None:
    begin(rig)
    rig.run(4.5)
    rig.send("/deck/1/hold")
    rig.run(0.2)
    before = played(rig, rig.session.now - 2000, rig.session.now)
    rig.send("/deck/1/prompt", "something else")
    rig.run(2.0)
    again = played(rig, rig.session.now - 2000, rig.session.now)
    assert np.abs(again).max() == pytest.approx(np.abs(before).max(), rel=0.1)
    rig.send("/deck/1/hold")
    rig.run(0.3)
    other = Rig(partial(fake.load, rate=RATE))
    other.send("/deck/1/prompt", "something else")
    begin(other)
    other.run(rig.now_s - other.now_s)
    end = min(rig.session.now, other.session.now)
    np.testing.assert_allclose(
        np.abs(np.fft.rfft(played(rig, end - 4800, end)[:, 0])).argmax(),
        np.abs(np.fft.rfft(played(other, end - 4800, end)[:, 0])).argmax(),
    )
    other.close()


def test_the_engine_may_die_meanwhile(rig: Rig) -> None:
    start = begin(rig)
    rig.run(4.5)
    rig.send("/deck/1/hold")
    rig.run(0.1)
    rig.session.engine_lost()
    rig.run(3.9)
    assert rig.state.get("/deck/1/state") == ("holding",)
    at = start + 3 * BAR
    assert np.array_equal(
        played(rig, at, at + BAR // 2), played(rig, at - 2 * BAR, at - 2 * BAR + BAR // 2)
    )


def test_a_jump_keeps_the_place_in_the_bar(rig: Rig) -> None:
    start = begin(rig)
    rig.run(4.5)
    rig.send("/deck/1/hold")
    rig.run(2.0)
    rig.send("/position", 41.0)
    rig.run(2.0)
    anchor = rig.session.transport.map.at(rig.session.now)
    line = round(anchor.sample_at(44.0, RATE))
    bar = played(rig, start + BAR, start + BAR + 4000)
    assert np.array_equal(played(rig, line, line + 4000), bar)


@pytest.mark.parametrize(
    ("seconds", "bars", "message"), [(0.5, 1, "played 0 whole bars"), (2.5, 4, "played 1 whole")]
)
def test_bars_that_are_not_there_cannot_be_held(
    rig: Rig, seconds: float, bars: int, message: str
) -> None:
    begin(rig)
    rig.run(seconds)
    rig.send("/deck/1/hold", bars)
    rig.run(0.05)
    ((address, text),) = rig.client.answers("/error")
    assert address == "/deck/1/hold"
    assert message in str(text)
    assert rig.state.get("/deck/1/state") == ("playing",)


def test_a_silent_deck_has_nothing_to_hold(rig: Rig) -> None:
    rig.send("/deck/1/hold")
    rig.run(0.05)
    assert "does not play" in str(rig.client.answers("/error"))


def test_a_stop_ends_it(rig: Rig) -> None:
    begin(rig)
    rig.run(2.5)
    rig.send("/deck/1/hold")
    rig.send("/deck/1/stop", "none")
    rig.run(0.5)
    assert rig.state.get("/deck/1/state") == ("stopped",)
    rig.send("/deck/1/play", "none")
    rig.run(0.5)
    assert rig.state.get("/deck/1/state") == ("playing",)


# The loop itself, with a transport that turns


def held(audio: Audio, tempo: TempoMap, until: int, bars: int) -> Hold:
    memory = Memory(RATE)
    memory.write(0, audio[:until])
    return Hold(memory, last_bars(tempo, Meter(), until, bars), RATE, Workshop())


def heard(hold: Hold, now: int, samples: int, tempo: TempoMap, block: int = 256) -> Audio:
    """What is heard in place of silence."""
    parts = [
        hold.over(np.zeros((block, 2), np.float32), now + at, tempo)
        for at in range(0, samples, block)
    ]
    return np.concatenate(parts)


def test_a_new_tempo_bends_what_is_held() -> None:
    tempo = tempo_of((0, 120.0))
    until = 9 * RATE + 7000
    hold = held(strokes(tempo, 20), tempo, until, 2)
    tempo.change(until + 30000, bpm=138.0)
    audio = heard(hold, until, 8 * RATE, tempo)
    beats = [b for b in range(21, 34) if tempo.sample_at(b) + 3000 < until + len(audio)]
    off_ms = []
    for beat in beats:
        place = tempo.sample_at(beat) - until
        off_ms.append(1000 * (onset(audio, round(place)) - place) / RATE)
    assert len(beats) > 10
    assert np.ptp(off_ms) < 4.0
    assert abs(np.median(off_ms)) < 4.0


def test_back_at_its_tempo_it_is_what_was_played_again() -> None:
    tempo = tempo_of((0, 120.0))
    source, until = noise(12 * RATE), 9 * RATE
    hold = held(source, tempo, until, 2)
    tempo.change(until + 5000, bpm=100.0)
    tempo.change(until + 2 * RATE, bpm=120.0)
    audio = heard(hold, until, 8 * RATE, tempo)
    line = round(tempo.sample_at(24.0))
    got = audio[line - until + SEAM :][: RATE // 2]
    assert np.array_equal(got, source[4 * RATE + SEAM :][: RATE // 2])


def test_blocks_of_any_size_sound_the_same() -> None:
    tempo = tempo_of((0, 117.3))
    source, until = noise(12 * RATE), 9 * RATE
    one = heard(held(source, tempo, until, 1), until, 4 * RATE, tempo, 256)
    other = heard(held(source, tempo, until, 1), until, 4 * RATE, tempo, 1000)
    n = min(len(one), len(other))
    np.testing.assert_allclose(one[:n], other[:n], atol=1e-6)


def test_the_seam_has_no_click() -> None:
    tempo = tempo_of((0, 117.3))
    wave = 0.5 * np.sin(2 * np.pi * 111.0 * np.arange(12 * RATE) / RATE)
    source = np.stack([wave, wave], axis=1).astype(np.float32)
    audio = heard(held(source, tempo, 9 * RATE, 1), 9 * RATE, 8 * RATE, tempo)
    steepest = np.abs(np.diff(source, axis=0)).max()
    assert np.abs(np.diff(audio[FADE:], axis=0)).max() < 1.5 * steepest


def test_a_worker_of_its_own_does_the_same() -> None:
    tempo = tempo_of((0, 120.0))
    source, until = noise(12 * RATE), 9 * RATE
    workshop = Workshop(threaded=True)
    memory = Memory(RATE)
    memory.write(0, source[:until])
    hold = Hold(memory, last_bars(tempo, Meter(), until, 1), RATE, workshop)
    workshop.close()
    audio = heard(hold, until, 4 * RATE, tempo)
    assert np.array_equal(audio, heard(held(source, tempo, until, 1), until, 4 * RATE, tempo))
