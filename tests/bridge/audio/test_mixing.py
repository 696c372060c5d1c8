import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.audio.mixing import GainRamp, crossfade, db_to_gain, fade_in, fade_out


@pytest.mark.parametrize("samples", [1, 2, 240, 4800])
def test_equal_power_fades_keep_the_power_and_end_where_they_should(samples: int) -> None:
    rise, fall = fade_in(samples), fade_out(samples)
    assert rise.shape == fall.shape == (samples, 1)
    assert rise.dtype == fall.dtype == np.float32
    np.testing.assert_allclose(rise**2 + fall**2, 1, atol=1e-6)
    assert rise[0, 0] > 0
    assert rise[-1, 0] == 1
    assert fall[-1, 0] == 0
    assert np.all(np.diff(rise, axis=0) > 0)


def test_a_fade_of_no_length_is_empty() -> None:
    assert fade_in(0).shape == fade_out(0).shape == (0, 1)


def test_crossfade_of_like_with_like_changes_nothing() -> None:
    audio = np.random.default_rng(1).normal(size=(240, 2)).astype(np.float32)
    np.testing.assert_allclose(crossfade(audio, audio), audio, atol=1e-6)


def test_crossfade_ends_all_new() -> None:
    old, new = np.ones((10, 2), np.float32), np.full((10, 2), 3, np.float32)
    mixed = crossfade(old, new)
    assert mixed.dtype == np.float32
    np.testing.assert_array_equal(mixed[-1], new[-1])
    np.testing.assert_allclose(np.diff(mixed[:, 0]), 0.2, atol=1e-6)


def test_decibels() -> None:
    assert db_to_gain(0) == 1
    assert db_to_gain(-6.0206) == pytest.approx(0.5, abs=1e-5)
    assert db_to_gain(-60) == db_to_gain(-200) == db_to_gain(float("-inf")) == 0
    assert db_to_gain(-59.9) > 0


def test_a_ramp_is_straight_and_lands_exactly() -> None:
    ramp = GainRamp(100, 0.0)
    ramp.target(0.7)
    out = ramp.apply(np.ones((150, 2), np.float32))
    np.testing.assert_allclose(out[:100, 0], 0.7 * np.arange(1, 101) / 100, atol=1e-6)
    assert np.all(out[99:] == np.float32(0.7))
    assert ramp.settled
    assert ramp.value == 0.7


def test_a_new_target_starts_from_where_the_ramp_is() -> None:
    ramp = GainRamp(100, 1.0)
    ramp.target(0.0)
    down = ramp.apply(np.ones((50, 1), np.float32))
    assert ramp.value == pytest.approx(0.5)
    ramp.target(1.0)
    up = ramp.apply(np.ones((200, 1), np.float32))
    assert np.abs(np.diff(np.concatenate([down, up])[:, 0])).max() <= 0.01 + 1e-6
    assert up[-1, 0] == 1


def test_the_same_target_again_does_not_restart_the_ramp() -> None:
    ramp = GainRamp(100, 0.0)
    ramp.target(1.0)
    ramp.apply(np.ones((60, 1), np.float32))
    ramp.target(1.0)
    assert ramp.apply(np.ones((40, 1), np.float32))[-1, 0] == 1


def test_a_settled_gain_of_one_is_bit_exact_and_of_zero_is_silence() -> None:
    audio = np.random.default_rng(2).normal(size=(64, 2)).astype(np.float32)
    np.testing.assert_array_equal(GainRamp(10, 1.0).apply(audio.copy()), audio)
    ramp = GainRamp(10, 1.0)
    ramp.jump(0.0)
    assert ramp.settled
    broken = np.full((8, 2), np.nan, np.float32)
    assert not np.any(ramp.apply(broken))


@given(st.lists(st.integers(0, 70), min_size=1, max_size=20))
def test_blocks_may_be_cut_anywhere(cuts: list[int]) -> None:
    audio = np.ones((sum(cuts), 2), np.float32)
    whole, parts = GainRamp(333, 0.25), GainRamp(333, 0.25)
    for ramp in (whole, parts):
        ramp.target(0.9)
    pieces = np.split(audio.copy(), np.cumsum(cuts)[:-1])
    np.testing.assert_array_equal(
        np.concatenate([parts.apply(piece) for piece in pieces]), whole.apply(audio)
    )
