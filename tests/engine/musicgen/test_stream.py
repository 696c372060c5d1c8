"""Streams that are steered, rewound and continued: what they play depends on the log alone."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.api import Audio, Recording, Steering, WeightedPrompt
from engine.errors import BadValue
from engine.musicgen.stream import MusicGenStream
from tests.engine.musicgen.playing import Player, codes, differs, steering

HOP = 640
WINDOW = 80
"""Steps: small, so that a short piece goes through several."""


@pytest.fixture(scope="module", params=["fp32", "int8"])
def precision(request: pytest.FixtureRequest) -> str:
    """Of the reference, and of what stands in for it: to a listener they are alike."""
    return str(request.param)


@pytest.fixture(scope="module")
def player(tiny_mono: Path, precision: str) -> Player:
    return Player(tiny_mono, WINDOW, slice_steps=7, precision=precision)


@pytest.fixture(scope="module")
def wide(tiny_mono: Path, precision: str) -> Player:
    return Player(tiny_mono, 700, precision=precision)


def play(
    player: Player, log: dict[int, Steering], frames: int, opening: Recording | None = None
) -> Audio:
    """A fresh stream that is steered at those frames, and never rewound."""
    stream = player.open(log[0], opening)
    parts = []
    for begin, end in zip(sorted(log), [*sorted(log)[1:], frames], strict=True):
        if begin:
            stream.steer(log[begin])
        parts += player.play([stream], end - begin)
    return np.concatenate(parts)


def test_a_chunk_of_any_size_gives_the_same_samples(player: Player) -> None:
    whole = play(player, {0: steering()}, 120)
    stream = player.open(steering())
    parts = [player.play([stream], frames)[0] for frames in (1, 1, 2, 17, 3, 50, 46)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert whole.dtype == np.float32
    assert whole.shape == (120 * HOP, 1)


def test_the_samples_are_those_of_decoding_all_codes_at_once(player: Player) -> None:
    from transformers import MusicgenForConditionalGeneration

    stream = player.open(steering())
    [audio] = player.play([stream], 100)
    made = codes(stream, 0, 100 + player.engine._model.audio.lookahead_frames)
    reference: Any = MusicgenForConditionalGeneration.from_pretrained(player.folder)
    with torch.inference_mode():
        whole = reference.audio_encoder.decode(made[None, None], [None]).audio_values[0, 0]
    error = np.abs(audio[:, 0] - whole[: 100 * HOP].numpy()).max()
    assert error < 1e-4 * np.abs(audio).max()  # -80 dB


def test_a_window_longer_than_the_piece_changes_nothing(
    tiny_mono: Path, wide: Player, precision: str
) -> None:
    longer = Player(tiny_mono, 400, precision=precision)
    made = []
    for player in (wide, longer):
        stream = player.open(steering())
        player.play([stream], 300)
        made.append(codes(stream, 0, 300))
    assert torch.equal(*made)


def test_a_full_window_goes_on_from_its_tail_alone(player: Player) -> None:
    """What follows a change of windows is what a new stream plays that has heard only the tail."""
    stream = player.open(steering(top_k=1))
    player.play([stream], WINDOW + 30)
    tail = codes(stream, WINDOW // 2, WINDOW)[None]  # [channels, K, frames]
    caches = tuple(player.engine._take_cache() for _ in range(2))
    heard = (WINDOW // 2, iter([tail]))
    again = MusicGenStream(
        player.engine._model, steering(top_k=1), caches, player.engine.advance, heard
    )
    player.play([again], 30)
    assert torch.equal(codes(again, 0, 30), codes(stream, WINDOW, WINDOW + 30))


MOVES = st.lists(
    st.tuples(
        st.integers(1, 30),  # frames to play
        st.integers(0, 25),  # frames to go back
        st.one_of(
            st.none(),
            st.builds(
                steering,
                st.sampled_from(["", "jazz", "dark techno, drums"]),
                guidance=st.sampled_from([1.0, 3.0]),
                seed=st.integers(0, 3),
                morph_frames=st.sampled_from([0, 9]),
                temperature=st.sampled_from([0.5, 1.0]),
                top_k=st.sampled_from([1, 50, 250]),
            ),
        ),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=12)
@given(MOVES)
def test_rewinding_and_steering_give_what_the_log_alone_gives(
    player: Player, moves: list[tuple[int, int, Steering | None]]
) -> None:
    stream = player.open(steering())
    log = {0: steering()}
    audio = np.zeros((0, 1), np.float32)
    for frames, back, new in moves:
        audio = np.concatenate([audio, player.play([stream], frames)[0]])
        frame = max(0, stream._oldest(), stream.position - back)
        stream.rewind(frame)
        log = {at: given for at, given in log.items() if at < frame} or {0: steering()}
        audio = audio[: frame * HOP]
        if new is not None:
            stream.steer(new)
            log[frame] = new
    audio = np.concatenate([audio, player.play([stream], 10)[0]])
    np.testing.assert_array_equal(audio, play(player, log, stream.position))


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": 0.3},
        {"top_k": 3},
        {"guidance": 8.0},
        {"seed": 5},
        {"text": "dark techno, drums"},
        {"prompts": (WeightedPrompt("lofi hip hop", 1), WeightedPrompt("jazz", 1))},
        {"words": "120 bpm"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_knob_is_heard_as_soon_as_the_delays_let_it(
    wide: Player, change: dict[str, Any]
) -> None:
    before = play(wide, {0: steering()}, 100)
    after = play(wide, {0: steering(), 40: steering(**change)}, 100)
    first = differs(before, after) // HOP
    # Not before 40: that was heard already. Not much later than the 7 frames that codes and codec
    # need, but a code may come out the same by chance.
    assert 40 <= first < 40 + wide.lag + 8


def test_a_rewind_to_a_frame_that_was_not_heard_forgets_what_followed(wide: Player) -> None:
    stream = wide.open(steering())
    wide.play([stream], 50)
    kept = codes(stream, 0, 30)
    stream.rewind(30)
    stream.steer(steering("dark techno, drums"))
    wide.play([stream], 50)
    assert torch.equal(codes(stream, 0, 30), kept)
    assert stream.position == 80


def test_what_cannot_be_rewound_to_is_named(player: Player) -> None:
    stream = player.open(steering())
    player.play([stream], 200)
    for frame in (-1, 201, 3):
        with pytest.raises(BadValue, match=rf"rewind to frame {frame}; the range is \d+..200"):
            stream.rewind(frame)


def test_streams_join_and_leave_a_batch_without_being_heard(player: Player) -> None:
    alone = [
        play(player, {0: steering(text, seed=seed, guidance=guidance)}, 90)
        for seed, (text, guidance) in enumerate([("jazz", 3.0), ("", 1.0), ("techno", 1.0)])
    ]
    first = player.open(steering("jazz", seed=0))
    parts = [player.play([first], 20)[0]]
    second = player.open(steering("", seed=1, guidance=1.0))
    third = player.open(steering("techno", seed=2, guidance=1.0))
    both = player.play([first, second], 30)
    parts.append(both[0])
    rest = [both[1]]
    last = player.play([third, first, second], 40)
    parts.append(last[1])
    rest += [last[2], player.play([second], 20)[0]]
    np.testing.assert_array_equal(np.concatenate(parts), alone[0])
    np.testing.assert_array_equal(np.concatenate(rest), alone[1])
    np.testing.assert_array_equal(last[0], alone[2][: 40 * HOP])


def test_without_guidance_or_prompt_nobody_pays_for_the_second_row(wide: Player) -> None:
    rows = {
        (text, guidance): wide.open(steering(text, guidance=guidance)).begin()[0].rows
        for text in ("", "jazz")
        for guidance in (1.0, 3.0)
    }
    assert rows == {("", 1.0): 1, ("", 3.0): 1, ("jazz", 1.0): 1, ("jazz", 3.0): 2}


def test_guidance_that_comes_back_hears_all_of_the_past(player: Player) -> None:
    """It had no row without the prompt meanwhile: one is made, and then guides."""
    stream = player.open(steering(guidance=1.0))
    player.play([stream], 20)
    stream.steer(steering(guidance=3.0))
    rows = []
    for _ in range(40):
        player.play([stream], 1)
        rows.append(stream._rows)
    assert rows[0] == 1
    assert rows[-1] == 2
    # From an empty prompt it needs no waiting: both rows have the same past.
    stream = player.open(steering(""))
    player.play([stream], 20)
    stream.steer(steering("jazz"))
    player.play([stream], 1)
    assert stream._rows == 2


def test_the_seam_of_two_windows_does_not_click(player: Player) -> None:
    """The codes go on, and the codec knows nothing of windows: no jump is larger than elsewhere."""
    audio = play(player, {0: steering()}, 4 * WINDOW)[:, 0]
    jumps = np.abs(np.diff(audio))
    for seam in range(WINDOW, 4 * WINDOW, WINDOW // 2):
        near = jumps[(seam - 2) * HOP : (seam + 2) * HOP]
        assert near.max() <= jumps.max()
        assert near.max() < 4 * np.quantile(jumps, 0.999)


class TestContinuing:
    """A stream that goes on from a recording."""

    def test_the_codec_goes_on_where_the_recording_ended(self, wide: Player) -> None:
        audio = play(wide, {0: steering()}, 80)
        stream = wide.open(steering("jazz"), Recording(audio, 32000))
        [after] = wide.play([stream], 40)
        seam = np.abs(after[0] - audio[-1]).max()
        inside = np.abs(np.diff(audio[:, 0])).max()
        assert seam < 2 * inside

    @pytest.mark.parametrize("rate", [8000, 44100, 48000, 96000])
    @pytest.mark.parametrize("channels", [1, 2, 6])
    def test_any_rate_and_any_channels_do(self, wide: Player, rate: int, channels: int) -> None:
        audio = np.random.default_rng(0).normal(0, 0.1, (rate, channels)).astype(np.float32)
        stream = wide.open(steering(), Recording(audio, rate))
        [after] = wide.play([stream], 5)
        assert np.isfinite(after).all()

    def test_only_the_tail_counts(self, player: Player) -> None:
        noise = np.random.default_rng(0).normal(0, 0.1, (32000 * 4, 1)).astype(np.float32)
        other = noise.copy()
        other[: 32000 * 2] = 0
        a, b = (
            player.play([player.open(steering(), Recording(audio, 32000))], 20)[0]
            for audio in (noise, other)
        )
        np.testing.assert_array_equal(a, b)

    def test_it_prepares_in_pieces_and_plays_the_same(self, player: Player) -> None:
        noise = np.random.default_rng(0).normal(0, 0.1, (32000, 1)).astype(np.float32)
        recording = Recording(noise, 32000)
        stream = player.open(steering(), recording)
        pieces = 0
        while stream.prepare():
            pieces += 1
        assert pieces > 10
        [audio] = player.play([stream], 60)
        np.testing.assert_array_equal(audio, play(player, {0: steering()}, 60, recording))

    def test_it_can_be_rewound_to_its_beginning(self, player: Player) -> None:
        noise = np.random.default_rng(0).normal(0, 0.1, (32000, 1)).astype(np.float32)
        recording = Recording(noise, 32000)
        stream = player.open(steering(), recording)
        player.play([stream], 10)
        stream.rewind(0)
        stream.steer(steering("jazz", guidance=1.0))
        [audio] = player.play([stream], 30)
        fresh = player.open(steering(), recording)
        fresh.steer(steering("jazz", guidance=1.0))
        np.testing.assert_array_equal(audio, player.play([fresh], 30)[0])

    @pytest.mark.parametrize(
        ("audio", "message"),
        [
            (np.zeros((100, 1), np.float32), "too short"),
            (np.full((32000, 1), np.nan, np.float32), "no numbers"),
        ],
    )
    def test_a_recording_that_is_none_is_refused(
        self, player: Player, audio: Audio, message: str
    ) -> None:
        with pytest.raises(BadValue, match=message):
            player.open(steering(), Recording(audio, 32000))


def test_a_render_in_place_equals_one_that_can_be_rewound(tiny_mono: Path) -> None:
    """On a GPU a stream of known length has one cache and takes its tail at once."""
    player = Player(tiny_mono, WINDOW, slice_steps=WINDOW)
    live = player.open(steering(top_k=1))
    render = player.open(steering(top_k=1), length=200)
    assert len(render._context._caches) == 1
    for stream in (live, render):
        player.play([stream], 150)
    assert torch.equal(codes(live, 0, 150), codes(render, 0, 150))


@pytest.mark.parametrize("pieces", [0, 1, 7, 100])
def test_a_stream_returns_its_memory_at_once(player: Player, pieces: int) -> None:
    """Without waiting for a collection of garbage, also in the midst of its preparation."""
    noise = np.random.default_rng(0).normal(0, 0.1, (32000, 1)).astype(np.float32)
    stream: MusicGenStream | None = player.open(steering(), Recording(noise, 32000))
    assert stream is not None
    pooled = len(player.engine._pool)
    for _ in range(pieces):
        stream.prepare()
    gc.disable()
    try:
        stream = None
        assert len(player.engine._pool) == pooled + 2
    finally:
        gc.enable()
