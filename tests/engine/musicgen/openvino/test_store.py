"""Arrays in a mapped file."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from engine.errors import EngineUnavailable
from engine.musicgen.openvino.store import Store
from engine.musicgen.openvino.writer import Writer

BYTES = 40_000_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "x.safetensors"
    with Writer(path, 2) as writer:
        writer.add("few", np.arange(6, dtype=np.float32).reshape(2, 3))
        writer.add("many", np.full(BYTES, 7, np.uint8))
        writer.finish()
    return path


def test_what_was_released_is_there_when_it_is_asked_for(file: Path) -> None:
    store = Store(file)
    few, many = store.array("few"), store.array("many")
    assert many.sum() == 7 * BYTES
    store.release()
    assert few.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert many.sum() == 7 * BYTES
    assert "few" in store
    assert "other" not in store


@pytest.mark.skipif(sys.platform != "linux", reason="Linux gives memory back at once")
def test_releasing_gives_memory_back(file: Path) -> None:
    store = Store(file)
    store.array("many").sum()
    before = psutil.Process().memory_info().rss
    store.release()
    assert before - psutil.Process().memory_info().rss > 0.9 * BYTES


@pytest.mark.parametrize("content", [b"", b"short", b"\x02" + bytes(7) + b"[]", b"\xff" * 99])
def test_other_files_are_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(
        EngineUnavailable, match=r"x.safetensors (cannot be read|is cut off)"
    ) as caught:
        Store(path)
    assert "\n" not in str(caught.value)
