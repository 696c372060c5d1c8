import numpy as np
import pytest

from bridge.audio.null import NullOutput
from bridge.audio.offline import OfflineOutput
from bridge.audio.output import Output
from engine.api import Audio

RATE, BLOCK = 48_000, 256
PERIOD_S = BLOCK / RATE


class HandClock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def silence(samples: int) -> Audio:
    return np.zeros((samples, 2), np.float32)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def output(clock: HandClock) -> NullOutput:
    return NullOutput(RATE, BLOCK, clock)


def test_both_are_outputs(output: NullOutput) -> None:
    outputs: list[Output] = [output, OfflineOutput(RATE, BLOCK)]
    assert [(each.rate, each.block, each.channels) for each in outputs] == [(RATE, BLOCK, 2)] * 2


def test_nothing_is_taken_before_the_start(output: NullOutput, clock: HandClock) -> None:
    output.write(silence(1000))
    clock.now_s += 10
    assert output.buffered() == 1000
    assert output.taken() == (0, clock.now_s)
    assert output.xruns == 0


def test_it_takes_a_whole_block_each_period(output: NullOutput, clock: HandClock) -> None:
    output.write(silence(10 * BLOCK + 100))
    output.start()
    assert output.buffered() == 9 * BLOCK + 100
    clock.now_s += 0.99 * PERIOD_S
    assert output.buffered() == 9 * BLOCK + 100
    clock.now_s += 0.02 * PERIOD_S
    assert output.buffered() == 8 * BLOCK + 100
    clock.now_s += 8 * PERIOD_S
    assert output.buffered() == 100
    assert output.xruns == 0


def test_samples_and_time_lie_on_one_line(output: NullOutput, clock: HandClock) -> None:
    output.write(silence(48_000))
    output.start()
    origins = []
    for _ in range(500):
        clock.now_s += 0.00137
        taken, at_s = output.taken()
        assert at_s <= clock.now_s < at_s + PERIOD_S
        origins.append(at_s - taken / RATE)
    assert max(origins) - min(origins) < 1e-3 / RATE


def test_a_gap_counts_once_and_moves_the_timeline_by_whole_blocks(
    output: NullOutput, clock: HandClock
) -> None:
    output.write(silence(2 * BLOCK))
    output.start()
    origin_s = output.taken()[1] - output.taken()[0] / RATE
    clock.now_s += 4.5 * PERIOD_S  # 5 were due, 2 were there
    assert (output.xruns, output.buffered()) == (1, 0)
    output.write(silence(4 * BLOCK))
    assert output.buffered() == 4 * BLOCK
    clock.now_s += PERIOD_S
    taken, at_s = output.taken()
    assert taken == 3 * BLOCK
    assert at_s - taken / RATE == pytest.approx(origin_s + 3 * PERIOD_S, abs=1e-9)
    assert output.xruns == 1
    clock.now_s += 10 * PERIOD_S
    assert output.xruns == 2


def test_less_than_a_block_is_a_gap_and_is_kept(output: NullOutput, clock: HandClock) -> None:
    output.write(silence(BLOCK + 10))
    output.start()
    clock.now_s += 1.5 * PERIOD_S
    assert (output.xruns, output.buffered()) == (1, 10)
    output.write(silence(BLOCK - 10))
    clock.now_s += PERIOD_S
    assert (output.xruns, output.buffered()) == (1, 0)


def test_waiting_for_a_first_block_is_no_gap(output: NullOutput, clock: HandClock) -> None:
    output.start()
    clock.now_s += 3.5 * PERIOD_S
    output.write(silence(BLOCK))
    assert output.xruns == 0
    clock.now_s += PERIOD_S
    assert output.taken()[0] == BLOCK


def test_after_a_stop_nothing_more_is_taken(output: NullOutput, clock: HandClock) -> None:
    output.write(silence(10 * BLOCK))
    output.start()
    clock.now_s += 1.5 * PERIOD_S
    output.stop()
    output.stop()
    clock.now_s += 100
    assert output.buffered() == 8 * BLOCK
    assert output.xruns == 0
    output.start()
    assert output.buffered() == 7 * BLOCK


def test_offline_keeps_what_it_was_given_even_if_the_block_is_used_again() -> None:
    output = OfflineOutput(RATE, BLOCK)
    output.start()
    assert output.audio().shape == (0, 2)
    block = np.ones((3, 2), np.float32)
    output.write(block)
    block[:] = 2
    output.write(block)
    output.stop()
    np.testing.assert_array_equal(output.audio()[:, 0], [1, 1, 1, 2, 2, 2])
    assert output.buffered() == 0
    assert output.taken() == (6, 6 / RATE)
