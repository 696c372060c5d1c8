"""What `/clip/list` shows of a folder, and what is swept out of it."""

from __future__ import annotations

import os
from pathlib import Path

from bridge.clips.folder import STALE_S, ClipItem, list_clips, sweep
from bridge.clips.wav import write_wav
from tests.bridge.clips.samples import clip_info, noise

RATE = 48000
NOW_S = 2_000_000_000.0


def made_at(path: Path, seconds: float) -> None:
    os.utime(path, (seconds, seconds))


def test_clips_are_listed_from_the_oldest_on(tmp_path: Path) -> None:
    info = clip_info(bars=1, bpm=400.0)
    for age, name in enumerate(["new", "older", "oldest"]):
        made_at(write_wav(tmp_path / f"{name}.wav", noise(28800), RATE, info).path, NOW_S - age)
    assert list_clips(tmp_path) == [
        ClipItem(f"{name}.wav", 0.6, 400.0, 1) for name in ("oldest", "older", "new")
    ]


def test_foreign_damaged_and_unfinished_files_are_passed_over(tmp_path: Path) -> None:
    whole = write_wav(tmp_path / "whole.wav", noise(28800), RATE, clip_info(bars=1, bpm=400.0)).path
    raw = whole.read_bytes()
    (tmp_path / "cut.wav").write_bytes(raw[:-1])
    (tmp_path / "new.wav.part").write_bytes(raw)
    (tmp_path / "text.wav").write_text("not audio")
    (tmp_path / "folder.wav").mkdir()
    write_wav(tmp_path / "master_x.wav", noise(10), RATE)
    assert [item.file for item in list_clips(tmp_path)] == ["whole.wav"]


def test_a_missing_folder_has_no_clips(tmp_path: Path) -> None:
    assert list_clips(tmp_path / "none") == []
    assert sweep(tmp_path / "none") == []


def test_only_old_leftovers_of_clips_are_swept(tmp_path: Path) -> None:
    names = ["a.wav.part", "fresh.wav.part", "master_2026.wav.part", "a.wav", "download.part"]
    for name in names:
        (tmp_path / name).write_bytes(b"x")
        made_at(tmp_path / name, NOW_S - STALE_S - 1)
    made_at(tmp_path / "fresh.wav.part", NOW_S - STALE_S + 1)
    assert sweep(tmp_path, NOW_S) == ["a.wav.part"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names[1:])
