"""A deck goes on from a recording: one in the clips folder, or its own last bars."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from bridge.clips.wav import write_wav
from bridge.decks.track import Track
from bridge.osc.feedback import Feedback
from bridge.services import Clips, News
from bridge.state import State
from bridge.time.transport import Transport
from engine import fake
from engine.api import EngineHandle, Recording
from engine.fake import HELD_S, FakeStream
from engine.host.inline import InlineEngine
from tests.bridge.rig import BLOCK, RATE, Rig
from tests.bridge.test_supervision import loudness

MODEL = partial(fake.load, rate=RATE, channels=1, hop=RATE // 50, continues=True)
LEVEL = 0.25


class FolderRig(Rig):
    """A rig with a clips folder in which `end.wav` ends at a level that can be heard."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        write_wav(folder / "end.wav", constant(2.0, LEVEL), 44100, bits=32)
        self.clips = Clips(folder, lambda: self.keeper.handle(), News(Feedback(State())))
        super().__init__(MODEL, clips=self.clips)

    def close(self) -> None:
        super().close()
        self.clips.close()

    def settle(self) -> None:
        """Wait for the worker that reads."""
        until_s = time.monotonic() + 20
        while self.session.reading or not self.conductor._queue.empty():
            assert time.monotonic() < until_s
            self.turn()
            time.sleep(0.001)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[FolderRig]:
    rig = FolderRig(tmp_path)
    yield rig
    rig.close()


def constant(seconds: float, level: float, channels: int = 2) -> np.ndarray:
    return np.full((round(44100 * seconds), channels), level, np.float32)


def opening(rig: Rig, deck: int) -> Recording | None:
    """What the running stream of a deck goes on from, as the engine got it."""
    feed, engine = rig.session.decks[deck].feed, rig.keeper.handle()
    assert feed is not None
    assert isinstance(engine, InlineEngine)
    stream = engine._runner._tracks[feed.stream].stream
    assert isinstance(stream, FakeStream)
    return stream.opening


def test_a_silent_deck_starts_with_what_follows_the_clip(rig: FolderRig) -> None:
    rig.send("/deck/1/continue", "end.wav")
    rig.turn()
    rig.settle()
    rig.run(0.5)
    assert rig.state.get("/deck/1/state") == ("playing",)
    assert rig.session.transport.playing
    feed = rig.session.decks[1].feed
    assert feed is not None
    assert feed.origin is not None
    held = rig.audio()[feed.origin + BLOCK : feed.origin + round(HELD_S * RATE)]
    np.testing.assert_allclose(held, LEVEL, atol=1e-3)


def test_a_playing_deck_goes_over_to_it_on_the_bar(rig: FolderRig) -> None:
    rig.send("/deck/1/play")
    rig.run(0.5)
    rig.send("/deck/1/continue", "end.wav")
    rig.turn()
    rig.settle()
    assert opening(rig, 1) is None
    rig.run(2.5)
    feed = rig.session.decks[1].feed
    assert feed is not None
    assert feed.origin == rig.session.transport.sample_at(4.0)
    held = rig.audio()[feed.origin + BLOCK : feed.origin + round(HELD_S * RATE)]
    np.testing.assert_allclose(held, LEVEL, atol=1e-3)
    assert rig.late == []


def test_only_the_end_of_a_long_file_is_sent_in_one_channel_to_a_mono_engine(
    rig: FolderRig,
) -> None:
    audio = np.concatenate([constant(3.0, 0.5), constant(30.0, -0.125)])
    write_wav(rig.folder / "long.wav", audio, 44100, bits=16)
    rig.send("/deck/2/continue", "long.wav")
    rig.turn()
    rig.settle()
    rig.run(0.3)
    got = opening(rig, 2)
    assert got is not None
    assert got.rate == 44100
    assert got.audio.shape == (30 * 44100, 1)
    np.testing.assert_allclose(got.audio, -0.125)


def test_synced_waits_for_the_deck_that_goes_on(
    rig: FolderRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = threading.Event()
    inner = rig.clips._opening

    def slow(path: Path) -> object:
        assert read.wait(20)
        return inner(path)

    monkeypatch.setattr(rig.clips, "_opening", slow)
    rig.send("/grid", "none")
    rig.send("/deck/1/continue", "end.wav")
    rig.send("/sync", 7)
    rig.run(0.5)
    assert rig.client.answers("/synced") == []
    read.set()
    rig.settle()
    rig.run(0.3)
    assert rig.client.answers("/synced") == [(7,)]
    assert rig.session.decks[1].sounding


@pytest.mark.parametrize("name", ["", "none.wav", "../end.wav", "a/end.wav", "C:end.wav", "x\0.wav",
                                  ".", "..", "\\end.wav", "x" * 3000])  # fmt: skip
def test_what_is_no_clip_refuses_its_bundle(rig: FolderRig, name: str) -> None:
    (rig.folder / "a").mkdir()
    write_wav(rig.folder / "a" / "end.wav", constant(1.0, 0.1), 44100)
    rig.bundle([("/tempo", (99.0,)), ("/deck/1/continue", (name,))])
    rig.run(0.1)
    ((where, why),) = rig.client.answers("/error")
    assert where == "/deck/1/continue"
    assert "there is no clip" in str(why)
    assert len(str(why)) < 400
    assert rig.session.transport.bpm == 120


@pytest.mark.parametrize(("content", "reason"), [(b"not audio", "is not a WAV"), (b"", "WAV")])
def test_what_cannot_be_read_is_told_to_the_sender(
    rig: FolderRig, content: bytes, reason: str
) -> None:
    (rig.folder / "bad.wav").write_bytes(content)
    rig.send("/deck/1/continue", "bad.wav")
    rig.turn()
    rig.settle()
    ((where, why),) = rig.client.answers("/error")
    assert where == "/deck/1/continue"
    assert reason in str(why)
    assert rig.state.get("/deck/1/state") == ("stopped",)


def test_an_engine_that_cannot_says_which_can() -> None:
    rig = Rig(partial(fake.load, rate=RATE))
    rig.send("/deck/1/continue", "end.wav")
    rig.run(0.1)
    ((_, why),) = rig.client.answers("/error")
    assert "fake cannot go on from a recording: serve --engine musicgen" in str(why)
    rig.close()


def test_a_plain_reset_after_it_forgets_the_clip(rig: FolderRig) -> None:
    rig.send("/deck/1/play")
    rig.run(0.5)
    rig.send("/deck/1/continue", "end.wav")
    rig.turn()
    rig.settle()
    rig.send("/deck/1/reset")
    rig.run(2.5)
    assert opening(rig, 1) is None


def test_a_tempo_that_changes_meanwhile_does_not_begin_it_anew(rig: FolderRig) -> None:
    rig.send("/deck/1/play")
    rig.run(0.5)
    rig.send("/deck/1/continue", "end.wav")
    rig.turn()
    rig.settle()
    stream = rig.session.decks[1].coming
    assert stream is not None
    for bpm in (121.0, 130.0, 140.0):
        rig.send("/tempo", bpm)
        rig.run(0.1)
    assert rig.session.decks[1].coming is stream
    rig.run(2.0)
    assert rig.session.decks[1].feed is stream
    assert stream.origin is not None
    assert rig.session.transport.beat_at(stream.origin) == pytest.approx(4.0, abs=1e-3)


def test_a_deck_goes_on_from_its_own_music_after_a_crash(rig: FolderRig) -> None:
    rig.send("/deck/1/play")
    rig.run(6.0)
    assert opening(rig, 1) is None
    rig.keeper.handle().shutdown()
    until_s = time.monotonic() + 20
    while rig.keeper.restarts == 0 or rig.keeper.poll() is None:
        assert time.monotonic() < until_s
        rig.run(BLOCK / RATE)
    rig.run(0.1)
    feed, own = rig.session.decks[1].feed, opening(rig, 1)
    assert feed is not None
    assert feed.origin is not None
    assert own is not None
    assert 3 * RATE < len(own.audio) <= 10 * RATE
    heard = rig.audio()[feed.origin - 1000 : feed.origin]
    np.testing.assert_allclose(own.audio[-1000:], heard, atol=1e-5)
    rig.run(2.0)
    assert loudness(rig)[50:].min() > 0


@pytest.mark.parametrize(
    ("at_s", "end_s"), [(5.0, 5.0), (6.0, 6.0), (6.1, 4.1), (8.0, 6.0), (9.5, 5.5)]
)
def test_a_phrase_ends_whole_bars_before_and_holds_no_loops(at_s: float, end_s: float) -> None:
    transport = Transport(RATE)
    transport.start(0, 0.0)
    track = Track(RATE)
    track.begin(0)
    ramp = np.arange(6 * RATE, dtype=np.float32)[:, None] * np.ones(2, np.float32)
    track.write(0, ramp, fade=False)
    track.loop_until(10 * RATE, transport)
    fade = track.fade_samples  # the seam of the loop
    audio = track.phrase_before(round(at_s * RATE), 2 * RATE, transport)
    assert audio.shape == (2 * RATE, 2)
    last = round(end_s * RATE)
    np.testing.assert_array_equal(audio[:-fade], ramp[last - 2 * RATE : last - fade])


def test_an_engine_that_cannot_begins_afresh_after_a_crash() -> None:
    rig = Rig(partial(fake.load, rate=RATE))
    rig.send("/deck/1/play")
    rig.run(3.0)
    feed = rig.session.decks[1].feed
    assert feed is not None
    rig.session.stream_lost(feed.stream)
    rig.run(1.5)
    assert rig.state.get("/deck/1/state") == ("playing",)
    assert opening(rig, 1) is None
    rig.close()


def _handle() -> EngineHandle:
    raise AssertionError("nobody asks")


def test_a_file_that_is_gone_when_it_is_read_is_an_error(tmp_path: Path) -> None:
    clips = Clips(tmp_path, _handle, News(Feedback(State())))
    write_wav(tmp_path / "end.wav", constant(1.0, 0.1), 44100)
    path = clips.find("end.wav")
    path.unlink()
    got = clips._opening(path)
    assert "cannot be read" in str(got)
    clips.close()
