"""What was played is remembered for as long as was promised, whoever reads it meanwhile."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.decks.memory import Memory
from engine.api import Audio
from engine.errors import BadValue
from tests.bridge.clips.samples import noise

RATE = 1000
BLOCK = 100


def play(memory: Memory, audio: Audio, at: int = 0) -> None:
    for first in range(0, len(audio), BLOCK):
        memory.write(at + first, audio[first : first + BLOCK])


def test_as_much_as_was_promised_is_there() -> None:
    memory, audio = Memory(RATE, 20.0), noise(100 * RATE)
    play(memory, audio)
    assert memory.start == 80 * RATE
    assert np.array_equal(memory.read(80 * RATE, 100 * RATE), audio[80 * RATE :])
    assert not memory.read(0, RATE).any()


def test_what_is_not_played_is_silence_between_what_is() -> None:
    memory, audio = Memory(RATE, 20.0), noise(2 * RATE)
    memory.rest(500)
    play(memory, audio[:RATE], 500)
    memory.rest(3000)
    play(memory, audio[RATE:], 3000)
    assert (memory.first, memory.last) == (500, 4000)
    heard = memory.read(0, 4000)
    assert np.array_equal(heard[500:1500], audio[:RATE])
    assert not heard[1500:3000].any()
    assert np.array_equal(heard[3000:], audio[RATE:])


@pytest.mark.parametrize("played_s", [0, 3, 25])
def test_making_it_ready_touches_nothing_that_was_written(played_s: int) -> None:
    memory, audio = Memory(RATE, 20.0), noise(40 * RATE)
    play(memory, audio[: played_s * RATE])
    memory.prepare()
    play(memory, audio[played_s * RATE :], played_s * RATE)
    assert np.array_equal(memory.read(20 * RATE, 40 * RATE), audio[20 * RATE :])
    assert np.array_equal(memory.read(15 * RATE, 20 * RATE), audio[15 * RATE : 20 * RATE])


def test_a_reader_that_is_overtaken_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    memory, audio = Memory(RATE, 20.0), noise(30 * RATE)
    play(memory, audio)
    line, read = memory._line, memory._line.read

    def slow(at: int, samples: int) -> Audio:
        monkeypatch.setattr(line, "read", read)
        play(memory, audio, 30 * RATE)
        return read(at, samples)

    monkeypatch.setattr(line, "read", slow)
    with pytest.raises(BadValue, match="not remembered any more"):
        memory.read(10 * RATE, 30 * RATE)
