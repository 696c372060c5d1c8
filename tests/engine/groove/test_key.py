"""The key that is asked for in the words beside the prompts."""

from __future__ import annotations

import numpy as np
import pytest

from engine import groove
from engine.api import Steering, Timing, WeightedPrompt
from engine.groove.steering import key_in, mix_harmony

TIMING = Timing(0.0, 0.0, 120.0)


def steering(prompt: str, words: str) -> Steering:
    return Steering((WeightedPrompt(prompt),), seed=3, words=words, timing=TIMING)


def test_a_prompt_without_a_key_takes_the_one_beside_it() -> None:
    harmony = mix_harmony((("house", 1.0),), 1, "120 bpm, F# dorian")
    assert harmony.tonic == 6
    assert harmony == mix_harmony((("house, F# dorian", 1.0),), 1)


def test_a_key_in_the_prompt_wins() -> None:
    named = (("house, C minor", 1.0),)
    assert mix_harmony(named, 1, "120 bpm, F# dorian") == mix_harmony(named, 1)


@pytest.mark.parametrize("words", ["", "120 bpm"])
def test_words_without_a_key_change_nothing(words: str) -> None:
    assert key_in(words) == ""
    assert mix_harmony((("jazz", 1.0),), 1, words) == mix_harmony((("jazz", 1.0),), 1)


def test_a_change_of_key_is_heard_at_once_and_a_tempo_word_is_not() -> None:
    engine = groove.load(22050)
    streams = [engine.open(steering("strings", "120 bpm, C major")) for _ in range(3)]
    engine.step(streams, 22050)
    for stream, words in zip(
        streams, ("120 bpm, C major", "121 bpm, C major", "120 bpm, F# minor"), strict=True
    ):
        stream.steer(steering("strings", words))
    same, tempo, key = engine.step(streams, 44100)
    np.testing.assert_array_equal(same, tempo)
    assert not np.allclose(same, key, atol=1e-3)
    engine.close()
