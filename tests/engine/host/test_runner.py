"""Whatever is steered, rewound and interleaved, a stream plays what it plays offline."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import fake
from engine.api import (
    REWIND_S,
    Audio,
    Engine,
    Open,
    Recording,
    Steering,
    Stream,
    StreamFault,
)
from engine.errors import (
    BadValue,
    EngineError,
    EngineLost,
    EngineUnavailable,
    OutOfMemory,
)
from engine.host import runner
from engine.host.inline import InlineEngine
from engine.host.ring import ChunkRing, new_buffer
from tests.engine.host.helpers import Log, Splicer, play, render, steering

RATE, HOP = 8000, 5
FRAME_RATE = RATE // HOP
LOAD = partial(fake.load, rate=RATE, hop=HOP)
MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(1, 5)),
        st.tuples(st.just("hear"), st.integers(1, FRAME_RATE)),
        st.tuples(st.just("steer"), st.integers(-FRAME_RATE, FRAME_RATE)),
    ),
    max_size=40,
)


class Listener:
    """One live stream, driven by moves, with the log of what it was told."""

    def __init__(self, engine: InlineEngine, name: str) -> None:
        self.name = name
        first = steering(f"{name} at first")
        self.reader = engine.open(first, lookahead=FRAME_RATE)
        self.splicer = Splicer(engine.info)
        self.log = Log(first)
        self._heard = 0

    def move(self, what: str, amount: int) -> None:
        if what == "read":
            for _ in range(amount):
                if (chunk := self.reader.read()) is not None:
                    self.splicer.add(chunk)
        elif what == "hear":
            self._heard = min(self._heard + amount, self.splicer.frames)
            self.reader.heard(self._heard)
        else:
            oldest = self._heard - int((REWIND_S - 2) * FRAME_RATE)
            frame = max(0, oldest, self.splicer.frames + amount)
            new = steering(f"{self.name} {amount}", seed=frame, morph_frames=abs(amount) % 300)
            self.log.add(frame, self.reader.steer(frame, new), new)

    def check(self, engine: fake.FakeEngine) -> None:
        self.splicer.drain(self.reader)
        np.testing.assert_array_equal(
            self.splicer.audio, self.log.audio(engine, self.splicer.frames)
        )
        assert self.splicer.epochs == self.log.epochs(self.splicer.frames)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 2), MOVES), min_size=1, max_size=6))
def test_live_streams_and_a_render_equal_their_offline_references(
    turns: list[tuple[int, list[tuple[str, int]]]],
) -> None:
    engine = InlineEngine(LOAD)
    listeners = [Listener(engine, name) for name in "abc"]
    rendered = engine.open(steering("render"), length=3000)
    for who, moves in turns:
        for what, amount in moves:
            listeners[who].move(what, amount)
    for listener in listeners:
        listener.check(LOAD())
    [clip] = render(engine, [rendered])
    np.testing.assert_array_equal(clip.audio, Log(steering("render")).audio(LOAD(), 3000))
    assert engine.poll() == []


def test_steering_ahead_takes_effect_at_its_very_frame() -> None:
    engine = InlineEngine(LOAD)
    reader = engine.open(steering("old"), lookahead=FRAME_RATE)
    assert [reader.steer(333, steering("next")), reader.steer(777, steering("last"))] == [1, 2]
    epochs = play(engine, reader, 1200).epochs
    assert epochs[:1200] == [0] * 333 + [1] * 444 + [2] * 423


def test_a_steer_drops_what_was_to_hold_from_its_frame_on() -> None:
    engine = InlineEngine(LOAD)
    reader = engine.open(steering("old"), lookahead=FRAME_RATE)
    for frame in (200, 500, 900):
        reader.steer(frame, steering(f"from {frame}"))
    assert reader.steer(500, steering("instead")) == 4
    assert play(engine, reader, 1200).epochs[:1200] == [0] * 200 + [1] * 300 + [4] * 700


def test_of_two_changes_at_one_frame_only_the_last_was_ever_there() -> None:
    """A morph must come from what was heard, whether or not the engine was past the frame."""
    heard = []
    for made_before in (0, 1000):
        engine = InlineEngine(LOAD)
        reader = engine.open(steering("old"), lookahead=FRAME_RATE)
        reader.steer(400, steering("never heard"))
        played = play(engine, reader, made_before)
        epoch = reader.steer(400, steering("new", morph_frames=500))
        heard.append(play(engine, reader, 1500, played, epoch).audio[: 1500 * HOP])
    np.testing.assert_array_equal(heard[0], heard[1])


def test_a_change_in_the_past_is_made_again_in_a_short_chunk_first() -> None:
    engine = InlineEngine(fake.load)
    reader = engine.open(steering("old"), lookahead=48000)
    splicer = Splicer(engine.info)
    splicer.drain(reader)
    assert splicer.lengths[:5] == [512, 1024, 2048, 4096, 4096]
    made = len(splicer.lengths)
    reader.steer(1000, steering("new"))
    splicer.drain(reader)
    assert splicer.starts[made] == 1000
    assert splicer.lengths[made : made + 4] == [512, 1024, 2048, 4096]


def test_a_live_stream_keeps_between_three_quarters_and_all_of_its_lookahead() -> None:
    engine = InlineEngine(LOAD)
    reader = engine.open(steering("live"), lookahead=1000)
    splicer = Splicer(engine.info)
    for ear in range(0, 5000, 40):
        reader.heard(ear)
        splicer.drain(reader)
        assert 750 < splicer.frames - ear <= 1000


def test_rewinds_that_nobody_reads_fill_the_ring_and_lose_nothing() -> None:
    engine = InlineEngine(LOAD)
    listener = Listener(engine, "patient")
    for number in range(100):
        new = steering(f"take {number}")
        frame = 200 + number
        listener.log.add(frame, listener.reader.steer(frame, new), new)
        for _ in range(10):
            engine.poll()
    listener.check(LOAD())
    assert listener.splicer.epochs[-1] == 100


@pytest.mark.parametrize("lookahead", [1, 2, 3, 7])
def test_even_a_tiny_lookahead_is_reached(lookahead: int) -> None:
    engine = InlineEngine(LOAD)
    reader = engine.open(steering("live"), lookahead=lookahead)
    splicer = Splicer(engine.info)
    splicer.drain(reader)
    assert splicer.frames == lookahead


class Ledger:
    """An engine that notes how many streams each step took how far."""

    def __init__(self) -> None:
        self._engine = LOAD()
        self.info = self._engine.info
        self.steps: list[tuple[list[int], int]] = []

    def open(
        self, steering: Steering, opening: Recording | None = None, length: int | None = None
    ) -> Stream:
        return self._engine.open(steering, opening, length)

    def step(self, streams: Sequence[Stream], frames: int) -> list[Audio]:
        self.steps.append(([stream.position for stream in streams], frames))
        return self._engine.step(streams, frames)

    def close(self) -> None:
        pass


def test_live_streams_go_in_one_batch_and_before_any_render() -> None:
    ledger = Ledger()
    engine = InlineEngine(lambda: ledger)
    rendered = [engine.open(steering(name), length=5000) for name in "ab"]
    live = [engine.open(steering(name), lookahead=FRAME_RATE) for name in "cd"]
    render(engine, rendered)
    full = FRAME_RATE - FRAME_RATE // 4
    assert all(len(positions) == 2 for positions, _ in ledger.steps)
    made = [positions[0] for positions, _ in ledger.steps]
    renders_began = made.index(0, 1)
    assert made[renders_began - 1] + ledger.steps[renders_began - 1][1] > full
    for reader in live:
        splicer = Splicer(engine.info)
        splicer.drain(reader)
        assert splicer.frames > full


class Sluggish(Ledger):
    """A machine on which a frame of a stream takes 1 ms, by a clock of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def perf_counter(self) -> float:
        return self.now_s

    def step(self, streams: Sequence[Stream], frames: int) -> list[Audio]:
        self.now_s += 0.001 * frames * len(streams)
        return super().step(streams, frames)


@pytest.mark.parametrize(
    "opened", [Open(1, "", steering("a"), 9000), Open(1, "", steering("a"), 0, 9000)]
)
def test_a_slow_machine_gets_short_steps(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long ones would look like a hang to whoever watches the heartbeat."""
    slow = Sluggish()
    monkeypatch.setattr(runner, "time", slow)
    ring = ChunkRing.over(new_buffer(9000 * HOP, 2), "")
    stepping = runner.Runner(slow, lambda _: ring)
    stepping.handle(opened)
    while stepping.step():
        pass
    assert max(frames for _, frames in slow.steps[4:]) == 512 // HOP
    assert stepping.realtime_factor == pytest.approx(1000 / FRAME_RATE)


def test_renders_of_equal_position_share_their_steps() -> None:
    ledger = Ledger()
    engine = InlineEngine(lambda: ledger)
    clips = [engine.open(steering(str(number)), length=4000) for number in range(3)]
    made = render(engine, clips)
    assert {len(positions) for positions, _ in ledger.steps} == {3}
    for number, clip in enumerate(made):
        reference = Log(steering(str(number))).audio(LOAD(), 4000)
        np.testing.assert_array_equal(clip.audio, reference)


def test_a_render_that_comes_later_catches_up_and_goes_along() -> None:
    ledger = Ledger()
    engine = InlineEngine(lambda: ledger)
    first = engine.open(steering("first"), length=4000)
    for _ in range(5):
        engine._pump()
    head_start = sum(frames for _, frames in ledger.steps)
    second = engine.open(steering("second"), length=4000)
    render(engine, [first, second])
    alone = sum(frames for streams, frames in ledger.steps if len(streams) == 1)
    assert alone == 2 * head_start


def test_a_render_waits_for_its_reader() -> None:
    engine = InlineEngine(LOAD)
    clip = engine.open(steering("long"), length=60 * FRAME_RATE)
    for _ in range(1000):
        engine.poll()
    assert not clip.finished
    [made] = render(engine, [clip])
    assert made.frames == 60 * FRAME_RATE


def test_a_render_obeys_steering_ahead_and_behind() -> None:
    engine = InlineEngine(LOAD)
    clip = engine.open(steering("old"), length=4000)
    clip.steer(1500, steering("new"))
    splicer = Splicer(engine.info)
    finished = []
    splicer.drain(clip)
    finished.append(clip.finished)
    clip.steer(3000, steering("end"))
    finished.append(clip.finished)
    splicer.drain(clip)
    finished.append(clip.finished)
    assert finished == [True, False, True]
    assert splicer.epochs == [0] * 1500 + [1] * 1500 + [2] * 1000


@pytest.mark.parametrize(("prompt", "reason"), [("!crash", "told to crash"), ("!nan", "numbers")])
def test_a_stream_that_breaks_takes_no_other_with_it(prompt: str, reason: str) -> None:
    engine = InlineEngine(LOAD)
    names = ["a", "b", "c"]
    readers = [engine.open(steering(name), lookahead=FRAME_RATE) for name in names]
    readers[1].steer(300, steering(prompt))
    for name, reader in zip(names, readers, strict=True):
        if name != "b":
            made = play(engine, reader, 3000)
            np.testing.assert_array_equal(
                made.audio, Log(steering(name)).audio(LOAD(), made.frames)
            )
    [fault] = engine.poll()
    assert isinstance(fault, StreamFault)
    assert fault.stream == readers[1].stream
    assert reason in fault.reason
    assert "\n" not in fault.reason
    splicer = Splicer(engine.info)
    splicer.drain(readers[1])
    assert splicer.frames == 300, "what was made before it broke is there"


def test_a_batch_that_breaks_half_way_is_made_again() -> None:
    """The streams before the culprit have been stepped already when it breaks."""
    engine = InlineEngine(LOAD)
    good = engine.open(steering("good"), lookahead=FRAME_RATE)
    bad = engine.open(steering("bad"), lookahead=FRAME_RATE)
    good.steer(300, steering("better", morph_frames=200))
    bad.steer(300, steering("!crash"))
    log = Log(steering("good"))
    log.add(300, 1, steering("better", morph_frames=200))
    made = play(engine, good, 1000)
    np.testing.assert_array_equal(made.audio, log.audio(LOAD(), made.frames))
    assert made.epochs[299:301] == [0, 1]


class Full:
    def __init__(self) -> None:
        self.info = LOAD().info

    def open(
        self, steering: Steering, opening: Recording | None = None, length: int | None = None
    ) -> Stream:
        raise EngineError("no room for a fifth stream; close one")

    def step(self, streams: Sequence[Stream], frames: int) -> list[Audio]:
        raise AssertionError

    def close(self) -> None:
        pass


def test_a_stream_that_cannot_open_is_a_fault() -> None:
    full: Engine = Full()
    engine = InlineEngine(lambda: full)
    reader = engine.open(steering("x"), lookahead=100)
    assert engine.poll() == [StreamFault(reader.stream, "no room for a fifth stream; close one")]
    assert reader.read() is None


def test_arguments_out_of_range() -> None:
    engine = InlineEngine(LOAD)
    with pytest.raises(BadValue, match="lookahead 0"):
        engine.open(steering("x"))
    with pytest.raises(BadValue, match="render of 0 frames"):
        engine.open(steering("x"), length=0)
    reader = engine.open(steering("x"), lookahead=100)
    with pytest.raises(BadValue, match="frame -1"):
        reader.steer(-1, steering("y"))


def test_after_shutdown_everything_says_so_and_nothing_breaks() -> None:
    engine = InlineEngine(LOAD)
    reader = engine.open(steering("x"), lookahead=100)
    other = engine.open(steering("x"), lookahead=100)
    other.close()
    other.close()
    assert engine.alive()
    engine.shutdown()
    engine.shutdown()
    assert not engine.alive()
    assert reader.read() is None
    assert engine.poll() == []
    reader.heard(5)
    reader.close()
    with pytest.raises(EngineLost):
        reader.steer(0, steering("y"))
    with pytest.raises(EngineLost):
        engine.open(steering("y"), lookahead=100)


def test_an_engine_that_does_not_load_says_why() -> None:
    with pytest.raises(EngineUnavailable, match="no weights"):
        InlineEngine(partial(fake.refuse, "no weights in ./models; put them there"))


class Preparing:
    """A stream of the fake engine that has `pieces` of work to do before its first step."""

    def __init__(self, inner: Stream, pieces: int, log: list[str], name: str) -> None:
        self._inner = inner
        self._pieces = pieces
        self._log = log
        self._name = name
        self.steer = inner.steer
        self.rewind = inner.rewind

    @property
    def position(self) -> int:
        return self._inner.position

    def prepare(self) -> bool:
        if not self._pieces:
            return False
        self._pieces -= 1
        self._log.append(f"prepare {self._name}")
        return True


class Slow:
    """An engine whose streams prepare themselves; it has memory for `room` of them in a step."""

    def __init__(self, pieces: Sequence[int], room: int = 99) -> None:
        self._engine = LOAD()
        self.info = self._engine.info
        self._pieces = list(pieces)
        self._room = room
        self.log: list[str] = []

    def open(
        self, steering: Steering, opening: Recording | None = None, length: int | None = None
    ) -> Stream:
        inner = self._engine.open(steering, opening, length)
        return Preparing(inner, self._pieces.pop(0), self.log, steering.prompts[0].text)

    def step(self, streams: Sequence[Stream], frames: int) -> list[Audio]:
        if len(streams) > self._room:
            raise OutOfMemory(f"no memory for {len(streams)} streams")
        inner = []
        for stream in streams:
            assert isinstance(stream, Preparing)
            self.log.append(f"step {stream._name}")
            inner.append(stream._inner)
        return self._engine.step(inner, frames)

    def close(self) -> None:
        pass


def test_a_stream_prepares_in_pieces_between_the_steps_of_the_others() -> None:
    slow = Slow([0, 3])
    engine = InlineEngine(lambda: slow)
    quick = engine.open(steering("quick"), lookahead=FRAME_RATE)
    late = engine.open(steering("late"), lookahead=FRAME_RATE)
    while late.read() is None:
        assert quick.read() is not None
    assert slow.log[:6] == ["prepare late", "step quick"] * 3


def test_a_render_prepares_itself_only_while_no_live_stream_wants_anything() -> None:
    slow = Slow([2, 0])
    engine = InlineEngine(lambda: slow)
    rendered = engine.open(steering("render"), length=50)
    live = engine.open(steering("live"), lookahead=FRAME_RATE)
    [clip] = render(engine, [rendered])
    assert len(clip.audio) == 50 * HOP
    last_live = max(i for i, what in enumerate(slow.log) if what == "step live")
    assert slow.log.index("prepare render") > last_live
    assert live.read() is not None


def test_renders_that_prepare_themselves_begin_together() -> None:
    slow = Slow([1, 4])
    engine = InlineEngine(lambda: slow)
    readers = [engine.open(steering(name), length=4000) for name in ("brief", "long")]
    render(engine, readers)
    steps = [what for what in slow.log if what.startswith("step")]
    assert steps == ["step brief", "step long"] * (len(steps) // 2)


def test_out_of_memory_gives_up_renders_first_then_the_newest_decks() -> None:
    slow = Slow([0] * 5, room=2)
    engine = InlineEngine(lambda: slow)
    decks = [engine.open(steering(f"deck {i}"), lookahead=FRAME_RATE) for i in range(4)]
    rendered = engine.open(steering("render"), length=50)
    for _ in range(6):
        engine._pump()
    faults = [event.stream for event in engine.poll() if isinstance(event, StreamFault)]
    assert faults == [rendered.stream, decks[3].stream, decks[2].stream]
    log = Log(steering("deck 0"))
    made = play(engine, decks[0], 100)
    np.testing.assert_array_equal(made.audio, log.audio(LOAD(), made.frames))
