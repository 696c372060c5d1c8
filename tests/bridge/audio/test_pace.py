import itertools
import random

import pytest

from bridge.audio.pace import Pace

RATE, BLOCK = 48_000, 256


def looks(true_rate: float, seconds: float, seed: int) -> list[tuple[float, int]]:
    """What a conductor sees that looks about every millisecond at a device that takes blocks.

    The device starts at 50 s and takes each block up to 0.3 ms late.
    """
    rng = random.Random(seed)
    blocks = int(seconds * true_rate / BLOCK)
    taken_s = [50 + k * BLOCK / true_rate + rng.random() * 3e-4 for k in range(blocks)]
    seen, now_s, count = [], 50.0, 0
    while now_s < 50 + seconds - 0.1:
        now_s += 0.0005 + rng.random() * 0.001
        while taken_s[count] <= now_s:
            count += 1
        seen.append((now_s, count * BLOCK))
    return seen


@pytest.mark.parametrize("ppm", [-80, 0, 80])
@pytest.mark.parametrize("seed", range(3))
def test_the_line_is_steady_and_true(ppm: float, seed: int) -> None:
    true_rate = RATE * (1 + ppm * 1e-6)
    pace, errors = Pace(RATE), []
    for now_s, taken in looks(true_rate, 20, seed):
        at_s = pace.look(taken, now_s)
        true_s = 50 + (taken - BLOCK) / true_rate
        if now_s > 55:
            errors.append((at_s - true_s) * RATE)
    assert max(abs(error) for error in errors) < 24  # half a millisecond
    steps = [abs(b - a) for a, b in itertools.pairwise(errors)]
    assert max(steps) < 0.2


def test_the_first_look_is_taken_as_it_is() -> None:
    assert Pace(RATE).look(4800, 50.0) == 50.0


def test_a_gap_begins_a_new_line() -> None:
    pace = Pace(RATE)
    for now_s, taken in looks(RATE, 3, 1):
        pace.look(taken, now_s)
    pace.restart()
    assert pace.look(100, 90.0) == 90.0


def test_a_suspended_machine_begins_a_new_line_too() -> None:
    pace = Pace(RATE)
    pace.look(0, 50.0)
    assert pace.look(BLOCK, 3650.0) == pytest.approx(3650.0)
