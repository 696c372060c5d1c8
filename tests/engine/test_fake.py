"""The fake keeps the contract of engines that its users test against."""

from __future__ import annotations

import numpy as np
import pytest

from engine import fake
from engine.api import REWIND_S, Audio, Engine, Steering, Stream, WeightedPrompt
from engine.errors import BadValue

RATE, HOP = 8000, 4


def steering(*texts: str, seed: int = 0, morph_frames: int = 0) -> Steering:
    prompts = tuple(WeightedPrompt(text) for text in texts)
    return Steering(prompts, seed=seed, morph_frames=morph_frames)


def step(engine: Engine, stream: Stream, *frames: int) -> Audio:
    return np.concatenate([engine.step([stream], count)[0] for count in frames])


def test_how_it_is_stepped_makes_no_difference() -> None:
    engine = fake.load(RATE, hop=HOP)
    whole = step(engine, engine.open(steering("a")), 1000)
    parts = step(engine, engine.open(steering("a")), 1, 299, 700)
    assert whole.shape == (1000 * HOP, 2)
    np.testing.assert_array_equal(whole, parts)


def test_rewinding_gives_the_same_again_in_the_middle_of_a_morph() -> None:
    engine = fake.load(RATE, hop=HOP)
    stream = engine.open(steering("a"))
    step(engine, stream, 100)
    stream.steer(steering("b", morph_frames=200))
    once = step(engine, stream, 300)
    stream.steer(steering("c"))
    step(engine, stream, 10)
    stream.rewind(150)
    np.testing.assert_array_equal(step(engine, stream, 250), once[50 * HOP :])


def test_everything_audible_is_heard() -> None:
    engine = fake.load(RATE, hop=HOP)
    takes = [
        step(engine, engine.open(made), 500)
        for made in (steering("a"), steering("b"), steering("a", "b"), steering("a", seed=1))
    ]
    for number, take in enumerate(takes):
        assert 0.1 < np.abs(take).max() < 1
        assert not np.array_equal(take[:, 0], take[:, 1])
        assert not any(np.array_equal(take, other) for other in takes[:number])


def test_it_rewinds_at_least_as_far_as_promised_and_no_further_than_it_can() -> None:
    engine = fake.load(RATE, hop=HOP)
    stream = engine.open(steering("a"))
    step(engine, stream, 100 * RATE // HOP)
    promised = stream.position - int(REWIND_S * RATE / HOP)
    stream.rewind(promised)
    assert stream.position == promised
    for frame in (-1, 0, promised + 1):
        with pytest.raises(BadValue, match=f"frame {frame};"):
            stream.rewind(frame)
