"""What the list of a folder says, and that it is not read twice."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge.clips import catalogue, folder
from bridge.clips.catalogue import Catalogue
from bridge.clips.folder import Arrival
from bridge.clips.wav import write_wav
from tests.bridge.clips.samples import clip_info, noise

RATE = 48000
CREATED = datetime(2026, 5, 1, 12, 30, tzinfo=UTC)


def put(place: Path, name: str, **changes: object) -> Path:
    info = clip_info(bars=1, bpm=400.0, created=CREATED, **changes)
    return write_wav(place / name, noise(28800), RATE, info).path


def test_an_entry_says_how_a_clip_was_made(tmp_path: Path) -> None:
    path = put(tmp_path, "a.wav")
    (entry,) = Catalogue(tmp_path).entries()
    assert (entry.file, entry.kind, entry.seconds) == ("a.wav", "clip", 0.6)
    assert (entry.prompt, entry.engine, entry.bpm, entry.bars) == ("lofi hip hop", "groove", 400, 1)
    assert (entry.numerator, entry.denominator, entry.seed) == (4, 4, 7)
    assert (entry.created, entry.bytes) == ("2026-05-01T12:30:00.000+00:00", path.stat().st_size)


def test_captures_and_recordings_are_told_apart_and_foreign_files_left_out(tmp_path: Path) -> None:
    put(tmp_path, "capture.wav", settings={"live": True})
    write_wav(tmp_path / "master_1.wav", noise(10), RATE)
    write_wav(tmp_path / "foreign.wav", noise(10), RATE)
    (tmp_path / "text.wav").write_text("not audio")
    kinds = {entry.file: entry.kind for entry in Catalogue(tmp_path).entries()}
    assert kinds == {"capture.wav": "capture", "master_1.wav": "recording"}


def test_only_what_changed_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def look_at(path: Path) -> Arrival | None:
        read.append(path.name)
        return folder.look_at(path)

    monkeypatch.setattr(catalogue, "look_at", look_at)
    put(tmp_path, "a.wav")
    shelf = Catalogue(tmp_path)
    shelf.entries()
    put(tmp_path, "b.wav")
    assert [entry.file for entry in shelf.entries()] == ["a.wav", "b.wav"]
    (tmp_path / "a.wav").unlink()
    assert [entry.file for entry in shelf.entries()] == ["b.wav"]
    assert read == ["a.wav", "b.wav"]


def test_a_missing_folder_has_no_entries(tmp_path: Path) -> None:
    assert Catalogue(tmp_path / "none").entries() == []
