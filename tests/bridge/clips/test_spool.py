"""Sound that waits outside of memory until it is written."""

from __future__ import annotations

import errno
import os
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bridge.clips import spool as spool_module
from bridge.clips.files import FolderError
from bridge.clips.spool import BLOCK_SAMPLES, HELD_BYTES, Spool
from tests.bridge.clips.samples import noise


@pytest.mark.parametrize("samples", [1, 1000, HELD_BYTES // 8 + BLOCK_SAMPLES + 17])
def test_what_goes_in_comes_out_in_memory_and_on_disk(tmp_path: Path, samples: int) -> None:
    audio = noise(samples)
    with closing(Spool(tmp_path, 2)) as sound:
        for first in range(0, samples, 30_000):
            sound.append(audio[first : first + 30_000])
        assert len(sound) == samples
        assert sound.peak == np.abs(audio).max()
        assert np.array_equal(np.concatenate(list(sound.blocks())), audio)
        middle = sound.read(samples // 3, samples // 2)
        assert np.array_equal(middle, audio[samples // 3 : samples // 2])


def test_it_can_be_read_more_than_once(tmp_path: Path) -> None:
    with closing(Spool(tmp_path, 1)) as sound:
        sound.append(noise(5000, channels=1))
        one, other = (np.concatenate(list(sound.blocks())) for _ in range(2))
        assert np.array_equal(one, other)


def test_it_has_no_name_in_the_folder_while_it_is_there_and_none_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "HELD_BYTES", 16)
    with closing(Spool(tmp_path, 2)) as sound:
        sound.append(noise(1000))
        if os.name == "posix":
            assert list(tmp_path.iterdir()) == []
    assert list(tmp_path.iterdir()) == []
    sound.close()


def test_a_folder_is_made(tmp_path: Path) -> None:
    Spool(tmp_path / "new" / "folder", 2).close()
    assert (tmp_path / "new" / "folder").is_dir()


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(FolderError, match="taken is not a folder"):
        Spool(tmp_path / "taken", 2)


def test_a_full_disk_is_named_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with closing(Spool(tmp_path, 2)) as sound:
        monkeypatch.setattr(sound._file, "write", full)
        with pytest.raises(FolderError, match="is full: free some space"):
            sound.append(noise(10))
        assert len(sound) == 0
