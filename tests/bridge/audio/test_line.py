import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bridge.audio.line import AudioLine
from engine.api import Audio


def ramp(start: int, samples: int) -> Audio:
    """Audio that says which sample it is."""
    return np.arange(start, start + samples, dtype=np.float32)[:, None].repeat(2, axis=1)


def test_what_was_written_is_read_and_the_rest_is_silence() -> None:
    line = AudioLine(100, 2)
    line.write(1000, ramp(1000, 50))
    assert (line.start, line.end) == (1000, 1050)
    out = line.read(990, 70)
    assert not out[:10].any()
    np.testing.assert_array_equal(out[10:60], ramp(1000, 50))
    assert not out[60:].any()


def test_an_empty_line_reads_as_silence() -> None:
    line = AudioLine(16, 2)
    assert line.start == line.end
    assert not line.read(5, 40).any()
    assert line.read(5, 0).shape == (0, 2)


def test_the_past_falls_out() -> None:
    line = AudioLine(64, 2)
    for at in range(0, 640, 32):
        line.write(at, ramp(at, 32))
    assert (line.start, line.end) == (576, 640)
    np.testing.assert_array_equal(line.read(576, 64), ramp(576, 64))
    assert not line.read(512, 64).any()


def test_a_write_longer_than_the_line_keeps_its_end() -> None:
    line = AudioLine(64, 2)
    line.write(0, ramp(0, 1000))
    assert (line.start, line.end) == (936, 1000)
    np.testing.assert_array_equal(line.read(936, 64), ramp(936, 64))


def test_a_splice_replaces_the_middle_and_keeps_what_lies_beyond() -> None:
    line = AudioLine(100, 2)
    line.write(0, ramp(0, 90))
    line.write(30, -ramp(30, 10))
    assert line.end == 90
    out = line.read(0, 90)
    np.testing.assert_array_equal(out[30:40], -ramp(30, 10))
    np.testing.assert_array_equal(out[40:], ramp(40, 50))


def test_forgetting_truncates_and_what_was_there_is_silence_after_a_gap() -> None:
    line = AudioLine(100, 2)
    line.write(0, ramp(1, 90))
    line.forget(40)
    assert (line.start, line.end) == (0, 40)
    assert not line.read(40, 50).any()
    line.write(50, ramp(50, 10))
    assert not line.read(40, 10).any()
    np.testing.assert_array_equal(line.read(0, 40), ramp(1, 40))
    line.forget(70)
    assert line.end == 60


def test_forgetting_all_lets_the_next_write_begin_anywhere() -> None:
    line = AudioLine(100, 2)
    line.write(500, ramp(500, 50))
    line.forget(400)
    assert line.start == line.end
    line.write(20, ramp(20, 10))
    assert (line.start, line.end) == (20, 30)


def test_what_comes_too_late_is_dropped() -> None:
    line = AudioLine(64, 2)
    line.write(100, ramp(100, 64))
    line.write(80, -ramp(80, 30))
    assert (line.start, line.end) == (100, 164)
    np.testing.assert_array_equal(line.read(100, 10), -ramp(100, 10))
    np.testing.assert_array_equal(line.read(110, 54), ramp(110, 54))


writes = st.lists(
    st.tuples(st.booleans(), st.integers(0, 300), st.integers(0, 150)), min_size=1, max_size=25
)


@given(writes, st.integers(0, 300), st.integers(0, 200))
def test_it_agrees_with_a_plain_dictionary(
    steps: list[tuple[bool, int, int]], at: int, samples: int
) -> None:
    line, model, start, end = AudioLine(64, 2), {}, 0, 0
    for number, (forget, where, count) in enumerate(steps, 1):
        if forget:
            line.forget(where)
            end = min(end, max(where, start))
        else:
            line.write(where, np.full((count, 2), number, np.float32))
            if start == end:
                start = end = where
            for sample in range(end, where):
                model[sample] = 0
            end = max(end, where + count)
            start = max(start, end - 64)
            for sample in range(max(where, start), where + count):
                model[sample] = number
        assert (line.start, line.end) == (start, end)
    expected = [model[s] if start <= s < end else 0 for s in range(at, at + samples)]
    assert line.read(at, samples)[:, 0].tolist() == expected
