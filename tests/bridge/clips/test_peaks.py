"""Outlines of files: nothing that is loud is left out."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from bridge.clips.peaks import Peaks
from bridge.clips.wav import write_wav
from engine.errors import BadValue
from tests.bridge.clips.samples import noise

RATE = 48000


@pytest.mark.parametrize("samples", [1, 7, 1 << 15, (1 << 15) + 1, 100_003])
@pytest.mark.parametrize("columns", [1, 3, 320, 4096])
def test_a_column_holds_its_extremes(tmp_path: Path, samples: int, columns: int) -> None:
    audio = noise(samples)
    path = write_wav(tmp_path / "a.wav", audio, RATE, bits=32).path
    outline = Peaks().of(path, columns)
    count = min(columns, samples)
    assert outline.shape == (count, 2)
    edges = [i * samples // count for i in range(count + 1)]
    parts = [audio[a:b] for a, b in itertools.pairwise(edges)]
    expected = [[np.floor(p.min() * 127), np.ceil(p.max() * 127)] for p in parts]
    assert np.array_equal(outline, np.clip(expected, -127, 127))


def test_one_loud_sample_is_seen(tmp_path: Path) -> None:
    audio = np.zeros((RATE, 2), np.float32)
    audio[40_000, 1] = -0.9
    outline = Peaks().of(write_wav(tmp_path / "a.wav", audio, RATE).path, 100)
    assert np.flatnonzero(outline.any(axis=1)).tolist() == [83]
    assert outline[83].tolist() == [-115, 0]


def test_a_file_that_changed_has_another_outline(tmp_path: Path) -> None:
    peaks, path = Peaks(), tmp_path / "a.wav"
    write_wav(path, np.zeros((100, 1), np.float32), RATE)
    assert not peaks.of(path, 10).any()
    path.unlink()
    write_wav(path, np.ones((101, 1), np.float32), RATE)
    assert peaks.of(path, 10)[:, 1].tolist() == [127] * 10


@pytest.mark.parametrize("columns", [0, -1, 4097])
def test_so_many_columns_are_refused(tmp_path: Path, columns: int) -> None:
    with pytest.raises(BadValue, match=r"1\.\.4096"):
        Peaks().of(tmp_path / "a.wav", columns)
