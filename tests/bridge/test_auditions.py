"""A clip is heard in the master, in time with the transport: a whole bridge, to the sample."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from bridge.clips.keeping import Shelf
from bridge.clips.loop import loop_length
from bridge.clips.wav import write_wav
from bridge.decks.hold import FADE_S
from bridge.osc.feedback import Feedback
from bridge.row import Value
from bridge.services import Clips, News
from bridge.state import State
from engine import fake
from engine.api import Audio
from tests.bridge.clips.samples import clip_info, noise
from tests.bridge.rig import BLOCK, RATE, Rig
from tests.serving import until

FADE = round(FADE_S * RATE)
BPM = 240.0
BAR = RATE  # 4/4
QUIET = 1e-6


class Stage(Rig):
    """A rig with a folder of clips, in which nothing else is heard."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clips = Clips(folder, lambda: self.keeper.handle(), News(Feedback(State())), rate=RATE)
        super().__init__(partial(fake.load, rate=RATE), clips=self.clips)

    def close(self) -> None:
        self.clips.close()
        super().close()

    def clip(self, name: str = "a.wav", *, bpm: float = BPM, seed: int = 0) -> Audio:
        """A bar of noise, as quiet as the limiter leaves alone; returns its samples."""
        audio = noise(loop_length(1, 4, bpm, RATE), seed=seed, level=0.05)
        write_wav(self.folder / name, audio, RATE, clip_info(bars=1, bpm=bpm), bits=32)
        return audio

    def ask(self, address: str, *values: Value) -> None:
        """Send, and go on once what a worker does for it is done."""
        self.send(address, *values)
        self.turn()
        until(lambda: self.read(), "the clip was not read")

    def read(self) -> bool:
        self.turn()
        return not self.session.reading

    def start(self) -> int:
        """Start the transport; returns the sample of beat 0."""
        self.send("/tempo", BPM)
        self.send("/play")
        self.run(0.1)
        return self.session.transport.map.anchors[0].sample

    @property
    def file(self) -> tuple[object, ...] | None:
        return self.state.get("/clip/audition/state")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.close()


def test_a_loop_starts_on_its_bar_and_goes_round_without_a_gap(stage: Stage) -> None:
    loop = stage.clip()
    zero = stage.start()
    stage.ask("/clip/audition", "a.wav")
    assert stage.file == ("a.wav", "armed")
    stage.run(3.3)
    assert stage.file == ("a.wav", "playing")
    heard = stage.audio()
    line = zero + BAR
    assert np.abs(heard[: line - FADE]).max() < QUIET
    assert np.allclose(heard[line : line + 2 * BAR], np.tile(loop, (2, 1)), atol=QUIET)


def test_the_end_of_a_loop_leads_into_its_first_beat(stage: Stage) -> None:
    loop = stage.clip()
    line = stage.start() + BAR
    stage.ask("/clip/audition", "a.wav")
    stage.run(1.2)
    shares = np.arange(1, FADE + 1)[:, None] / FADE
    before = stage.audio()[line - FADE : line]
    assert np.allclose(before, loop[-FADE:] * shares, atol=QUIET)


def test_the_grid_can_be_named(stage: Stage) -> None:
    loop = stage.clip()
    zero = stage.start()
    stage.ask("/clip/audition", "a.wav", "beat")
    stage.run(0.9)
    line = zero + BAR // 4
    assert np.abs(stage.audio()[: line - FADE]).max() < QUIET
    assert np.allclose(stage.audio()[line : line + BAR // 2], loop[: BAR // 2], atol=QUIET)


def test_at_another_tempo_a_loop_fits_the_bars_all_the_same(stage: Stage) -> None:
    clicks = np.zeros((loop_length(1, 4, 180.0, RATE), 2), np.float32)
    beat = len(clicks) // 4
    for at in range(0, len(clicks), beat):
        clicks[at : at + 40] = 0.3
    write_wav(stage.folder / "a.wav", clicks, RATE, clip_info(bars=1, bpm=180.0), bits=32)
    line = stage.start() + BAR
    stage.ask("/clip/audition", "a.wav")
    stage.run(3.2)
    heard = np.abs(stage.audio()[line : line + 2 * BAR]).max(axis=1)
    for n in range(1, 8):
        at = n * BAR // 4
        around = heard[at - RATE // 20 : at + RATE // 20]
        assert abs(int(around.argmax()) - RATE // 20) < 0.01 * RATE
        assert around.max() > 5 * heard[at + RATE // 10 : at + RATE // 7].max()


def test_while_the_transport_stands_a_loop_plays_at_once_as_it_is(stage: Stage) -> None:
    loop = stage.clip(bpm=300.0)
    stage.ask("/clip/audition", "a.wav")
    at = stage.session.now
    stage.run(1.8)
    heard = stage.audio()
    begun = int(np.flatnonzero(np.abs(heard).max(axis=1) > QUIET)[0])
    assert abs(begun - at) <= 4 * BLOCK
    first = begun + FADE
    assert np.allclose(heard[first : first + 2 * len(loop)], np.tile(loop, (2, 1)), atol=QUIET)


def test_once_the_transport_starts_it_goes_by_its_bars(stage: Stage) -> None:
    loop = stage.clip()
    stage.ask("/clip/audition", "a.wav")
    stage.run(0.7)
    zero = stage.start()
    stage.run(1.7)
    settled = zero + BAR // 2
    heard = stage.audio()[settled : settled + BAR]
    assert np.allclose(heard, np.roll(loop, -BAR // 2, axis=0), atol=QUIET)


def test_the_next_clip_takes_over_on_the_line(stage: Stage) -> None:
    old, new = stage.clip("old.wav", seed=1), stage.clip("new.wav", seed=2)
    zero = stage.start()
    stage.ask("/clip/audition", "old.wav")
    stage.run(1.2)
    stage.ask("/clip/audition", "new.wav")
    assert stage.file == ("new.wav", "armed")
    stage.run(1.6)
    line = zero + 2 * BAR
    heard = stage.audio()
    assert np.allclose(heard[line - BAR : line - FADE], old[:-FADE], atol=QUIET)
    assert np.allclose(heard[line : line + BAR // 2], new[: BAR // 2], atol=QUIET)


def test_a_recording_is_heard_once(stage: Stage) -> None:
    audio = noise(RATE, level=0.05)
    write_wav(stage.folder / "master_1.wav", audio, RATE, bits=32)
    line = stage.start() + BAR
    stage.ask("/clip/audition", "master_1.wav")
    stage.run(2.2)
    assert stage.file == ("", "stopped")
    heard = stage.audio()[line : line + RATE + RATE // 4]
    assert np.allclose(heard[FADE : RATE - FADE - 1], audio[FADE : -FADE - 1], atol=QUIET)
    assert np.abs(heard[RATE:]).max() < QUIET


@pytest.mark.parametrize("address", ["/clip/audition/stop", "/stop", "/panic"])
def test_it_is_ended(stage: Stage, address: str) -> None:
    stage.clip()
    stage.start()
    stage.ask("/clip/audition", "a.wav", "none")
    stage.run(0.5)
    stage.send(address)
    stage.run(0.1)
    assert stage.file == ("", "stopped")
    assert np.abs(stage.audio()[-RATE // 50 :]).max() < QUIET


def test_what_is_stopped_before_it_was_read_is_not_heard(stage: Stage) -> None:
    stage.clip()
    stage.send("/clip/audition", "a.wav", "none")
    stage.ask("/clip/audition/stop")
    stage.run(0.3)
    assert stage.file == ("", "stopped")
    assert np.abs(stage.audio()).max() < QUIET


def test_it_has_a_gain_of_its_own(stage: Stage) -> None:
    loop = stage.clip()
    stage.send("/audition/gain", -20.0)
    stage.run(0.1)
    line = stage.start() + BAR
    stage.ask("/clip/audition", "a.wav")
    stage.run(1.7)
    heard = stage.audio()[line : line + BAR // 2]
    assert np.allclose(heard, 0.1 * loop[: BAR // 2], atol=QUIET)
    assert stage.state.get("/audition/gain") == (-20.0,)


def test_a_clip_that_is_none_is_an_error_and_stops_nothing(stage: Stage) -> None:
    stage.clip()
    stage.ask("/clip/audition", "a.wav")
    stage.run(0.1)
    for name in ("none.wav", "../a.wav", ""):
        stage.ask("/clip/audition", name)
    errors = stage.client.answers("/error")
    assert [path for path, _ in errors] == ["/clip/audition"] * 3
    stage.run(0.1)
    assert stage.file == ("a.wav", "playing")


def test_what_is_done_with_a_clip_is_told(stage: Stage) -> None:
    stage.clip()
    stage.ask("/clip/star", "a.wav")
    stage.ask("/clip/star", "a.wav", 0)
    stage.ask("/clip/rename", "a.wav", "b")
    stage.ask("/clip/delete", "b.wav")
    stage.ask("/clip/restore", "b.wav")
    stage.ask("/clip/delete", "none.wav")
    assert stage.client.answers("/clip/changed") == [
        ("a.wav", "starred", "a.wav"), ("a.wav", "unstarred", "a.wav"),
        ("a.wav", "renamed", "b.wav"), ("b.wav", "gone", ""), ("b.wav", "restored", "b.wav"),
    ]  # fmt: skip
    ((path, message),) = stage.client.answers("/error")
    assert path == "/clip/delete"
    assert "none.wav" in str(message)
    assert Shelf(stage.folder).starred() == frozenset()
