"""The socket of pages that look: what they are shown of the music, and what they may ask."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from bridge.audio.ears import Ears
from bridge.clocks.line import Device
from bridge.lookout import Lookout
from bridge.session import Session
from bridge.time.clock import monotonic_s
from bridge.web.look.columns import Strip, columns_of
from bridge.web.look.spectrum import BANDS, Spectrum, band_edges_hz
from bridge.web.looking import MAX_UNSEEN, MAX_VIEWERS
from bridge.web.studio import Studio
from engine.api import Audio
from tests.bridge.web.web import DEADLINE_S, running
from tests.serving import until

RATE, DECKS, BLOCK, GRAIN = 48_000, 2, 256, 960
SOUND = 0.5


@dataclass
class Deck:
    number: int
    sounds: bool
    headroom_s: float
    end: int
    peak: tuple[float, ...]
    heard: dict[int, tuple[int, int]]
    ahead: dict[int, tuple[int, int]]


@dataclass
class Frame:
    """As a page reads it."""

    data: bytes
    at: int = 0
    decks: dict[int, Deck] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ear, self.playing, anchors, bands, decks, *_ = self.take("dBBBBdddi")
        self.anchors = [self.take("ddd") for _ in range(anchors)]
        self.levels = self.take("ffff")
        self.bands = self.take(f"{bands}B")
        for _ in range(decks):
            number, flags, headroom_s, end = self.take("BBfd")
            levels = self.take("ffff")
            heard, ahead = self.columns(), self.columns()
            self.decks[number] = Deck(
                number, bool(flags & 1), headroom_s, int(end), levels[:2], heard, ahead
            )
        assert self.at == len(self.data)

    def take(self, kinds: str) -> tuple[Any, ...]:
        form = struct.Struct("<" + kinds)
        self.at += form.size
        return form.unpack_from(self.data, self.at - form.size)

    def columns(self) -> dict[int, tuple[int, int]]:
        first, count = self.take("dH")
        values = self.take(f"{2 * int(count)}b")
        pairs = zip(values[::2], values[1::2], strict=True)
        return {int(first) + i: (int(low), int(high)) for i, (low, high) in enumerate(pairs)}


class Music:
    """A session that the test plays by hand, as the conductor does."""

    def __init__(self) -> None:
        self.ears = Ears()
        self.session = Session(RATE, DECKS, lambda address, ms: None)
        self.lookout = Lookout(self.session, self.ears)
        self.turned_s = 0.0

    @property
    def studio(self) -> Studio:
        return Studio(Path("clips"), RATE, DECKS, self.ears, self.lookout)

    def play(self, seconds: float, level: float = SOUND) -> None:
        """The master and deck 1 at `level`, deck 2 silent."""
        audio = np.zeros((BLOCK, 2 + 2 * DECKS), np.float32)
        audio[:, :4] = level
        for _ in range(round(seconds * RATE / BLOCK)):
            self.ears.hear(self.session.now, audio)
            self.session.now += BLOCK

    def turn(self) -> None:
        """The lookout is turned to, later than it looked last."""
        self.turned_s += 1.0
        self.lookout.turn(Device(self.session.now, monotonic_s(), RATE), 0.0, self.turned_s)

    def lay(self, seconds: float, level: float, at: int) -> None:
        audio = np.full((round(seconds * RATE), 2), level, np.float32)
        self.session.decks[1].track.write(at, audio, fade=False)


class Page:
    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.meaning = json.loads(connection.recv(DEADLINE_S))

    def say(self, **words: object) -> None:
        self.connection.send(json.dumps(words))

    def frame(self) -> Frame:
        data = self.connection.recv(DEADLINE_S)
        assert isinstance(data, bytes)
        return Frame(data)

    def until(self, seen: Callable[[Frame], bool]) -> Frame:
        """The first frame of which that is true."""
        for number in range(100):
            frame = self.frame()
            if seen(frame):
                return frame
            if number % 8 == 7:
                self.say(seen=8)
        raise AssertionError("not seen in 100 frames")


@contextmanager
def page(port: int) -> Iterator[Page]:
    url = f"ws://127.0.0.1:{port}/console/look"
    options: dict[str, Any] = {"open_timeout": DEADLINE_S, "close_timeout": 1, "max_queue": None}
    with connect(url, **options) as connection:
        yield Page(connection)


def is_open(music: Music) -> bool:
    return music.lookout.is_open


def looking(music: Music, it: Page, **words: object) -> Frame:
    """Ask, and return the first frame: it comes once there is something to see."""
    it.say(**{"fps": 30, "decks": [1], **words})
    until(lambda: is_open(music), "nobody looks")
    music.turn()
    return it.frame()


def test_what_was_heard_is_seen_as_levels_columns_and_spectrum() -> None:
    music = Music()
    with running(studio=music.studio) as it, page(it.port) as seen:
        assert seen.meaning["columnSamples"] == GRAIN
        looking(music, seen, decks=[1, 2])
        music.play(0.1)
        frame = seen.until(lambda frame: bool(frame.decks[1].heard))
    assert frame.levels == pytest.approx([SOUND] * 4)
    assert frame.decks[1].heard[2] == (64, 64)  # of 127
    assert frame.decks[2].heard[2] == (0, 0)
    assert frame.decks[2].peak == (0.0, 0.0)
    assert len(frame.bands) == BANDS


def test_what_is_made_ahead_is_seen_and_what_takes_its_place() -> None:
    music = Music()
    track = music.session.decks[1].track
    track.begin(0)
    with running(studio=music.studio) as it, page(it.port) as seen:
        music.lay(0.4, 0.25, at=0)
        frame = looking(music, seen)
        assert set(frame.decks[1].ahead.values()) == {(32, 32)}
        assert max(frame.decks[1].ahead) == 19
        music.lay(0.1, 1.0, at=10 * GRAIN)
        music.turn()
        frame = seen.until(lambda frame: bool(frame.decks[1].ahead))
    assert frame.decks[1].ahead == dict.fromkeys(range(10, 15), (127, 127))
    assert frame.decks[1].end == 15 * GRAIN


def test_a_page_that_comes_later_is_shown_what_there_is() -> None:
    music = Music()
    with running(studio=music.studio) as it, page(it.port) as first:
        looking(music, first)
        music.play(0.2)
        first.until(lambda frame: 5 in frame.decks[1].heard)
        with page(it.port) as second:
            second.say(fps=30, decks=[1])
            assert {0, 5} <= set(second.frame().decks[1].heard)


def test_nothing_is_handed_over_while_nobody_looks() -> None:
    music = Music()
    with running(studio=music.studio) as it, page(it.port) as seen:
        assert not is_open(music)
        looking(music, seen)
        seen.say(fps=0)
        until(lambda: not is_open(music), "somebody looks on")
    music.play(0.1)
    music.turn()
    assert music.lookout.take() == ([], [])


def test_a_page_that_has_not_seen_its_frames_is_sent_no_more_of_them() -> None:
    music = Music()
    with running(studio=music.studio) as it, page(it.port) as slow, page(it.port) as other:
        looking(music, slow)
        other.say(fps=30, decks=[])
        for _ in range(MAX_UNSEEN - 1):
            slow.frame()
        for number in range(20):  # the other one's time goes on
            other.frame()
            if number % 8 == 7:
                other.say(seen=8)
        with pytest.raises(TimeoutError):
            slow.connection.recv(0)
        music.play(0.1)
        slow.say(seen=MAX_UNSEEN)
        assert slow.until(lambda frame: bool(frame.decks[1].heard)).decks[1].heard[2] == (64, 64)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("nonsense", "a page says"),
        ("[" * 900, "a page says"),
        ('{"fps": 1000, "decks": []}', "fps 1000 is not within 0..30"),
        ('{"fps": 30, "decks": [7]}', "are not a list of some of [1, 2]"),
        ('{"fps": 30, "decks": [true]}', "are not a list of some of [1, 2]"),
        ('{"seen": -1}', "seen -1 is not within 0..24"),
    ],
)
def test_what_makes_no_sense_ends_the_socket_and_says_why(said: str, why: str) -> None:
    music = Music()
    with running(studio=music.studio) as it, page(it.port) as seen:
        seen.connection.send(said)
        with pytest.raises(ConnectionClosed) as closed:
            seen.connection.recv(DEADLINE_S)
    assert closed.value.rcvd is not None
    assert why in closed.value.rcvd.reason


def test_so_many_pages_look_and_one_more_is_told() -> None:
    music = Music()
    with running(studio=music.studio) as it, ExitStack() as pages:
        for _ in range(MAX_VIEWERS):
            pages.enter_context(page(it.port))
        with pytest.raises(ConnectionClosed) as closed, page(it.port):
            pass
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.reason == "16 pages look already"


def test_a_sine_is_in_its_band_at_its_level() -> None:
    spectrum, time_s = Spectrum(RATE), np.arange(4096) / RATE
    middles = np.array(band_edges_hz())
    band = int(np.argmin(np.abs(middles - 1000.0)))
    sine = np.sin(2 * np.pi * middles[band] * time_s).astype(np.float32)
    spectrum.take(np.stack([sine, sine]))
    bands = spectrum.bands()
    assert max(bands) == bands[band]
    assert bands[band] > 245  # a sine at full scale is 255
    assert max(bands[: band - 8]) < 30


def test_columns_have_the_extremes_of_both_channels_and_what_is_no_number() -> None:
    audio: Audio = np.zeros((5, 2), np.float32)
    audio[:, 1] = [0.5, -2.0, np.nan, 0.0, 1.0]
    assert columns_of(audio, 2).tolist() == [[-127, 64], [-127, -127], [0, 127]]


def test_a_strip_keeps_what_fits_and_tells_what_changed() -> None:
    strip, ones = Strip(8), np.ones((6, 2), np.int8)
    strip.put(0, ones, 1)
    strip.put(4, 2 * ones, 2)
    first, columns = strip.since(1, 0, 100)
    assert (first, columns[:, 0].tolist()) == (4, [2] * 6)
    assert strip.since(0, 0, 100)[0] == 2  # the oldest are gone
    strip.put(12, ones[:1], 3)
    assert strip.since(2, 0, 100)[1][:, 0].tolist() == [0, 0, 1]
    assert len(strip.since(3, 0, 100)[1]) == 0
