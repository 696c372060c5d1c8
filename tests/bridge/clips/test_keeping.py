"""Stars, names and the trash: nothing is lost, and no file is rewritten."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from bridge.cli.replay import replay
from bridge.clips.folder import list_clips
from bridge.clips.keeping import STARS, TRASH, Change, Shelf
from bridge.clips.request import ClipRequest
from bridge.clips.wav import read_wav, write_wav
from engine.api import WeightedPrompt
from engine.errors import BadValue
from engine.groove import load
from engine.host.inline import InlineEngine
from tests.bridge.clips.rendering import render_clip, save
from tests.bridge.clips.samples import clip_info, noise

RATE = 48000


def put(folder: Path, name: str, seed: int = 0) -> bytes:
    """A clip of that name; returns its bytes."""
    path = folder / name
    return write_wav(
        path, noise(28800, seed=seed), RATE, clip_info(bars=1, bpm=400.0)
    ).path.read_bytes()


def names(folder: Path) -> list[str]:
    return [item.file for item in list_clips(folder)]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_stars_are_kept_in_the_folder(shelf: Shelf) -> None:
    put(shelf.folder, "a.wav")
    put(shelf.folder, "b.wav")
    assert shelf.star("a.wav") == Change("a.wav", "starred", "a.wav")
    shelf.star("b.wav", True)
    assert Shelf(shelf.folder).starred() == {"a.wav", "b.wav"}
    assert shelf.star("a.wav").what == "unstarred"
    assert shelf.starred() == {"b.wav"}


def test_stars_that_cannot_be_read_are_put_aside(shelf: Shelf) -> None:
    put(shelf.folder, "a.wav")
    (shelf.folder / STARS).write_text("no JSON")
    assert shelf.starred() == frozenset()
    shelf.star("a.wav", True)
    assert shelf.starred() == {"a.wav"}
    assert [path.read_text() for path in shelf.folder.glob("*.damaged")] == ["no JSON"]


def test_a_new_name_keeps_the_file_and_its_star(shelf: Shelf) -> None:
    raw = put(shelf.folder, "a.wav")
    shelf.star("a.wav", True)
    assert shelf.rename("a.wav", "night drive") == Change("a.wav", "renamed", "night drive.wav")
    assert (shelf.folder / "night drive.wav").read_bytes() == raw
    assert names(shelf.folder) == ["night drive.wav"]
    assert shelf.starred() == {"night drive.wav"}


def test_a_renamed_clip_is_replayed(tmp_path: Path) -> None:
    engine = InlineEngine(partial(load, rate=RATE))
    request = ClipRequest((WeightedPrompt("deep house"),), bars=1, bpm=400.0, seed=5)
    made = save(tmp_path / "old.wav", render_clip(engine, request), request, engine.info)
    Shelf(tmp_path).rename(made.path.name, "new.wav")
    assert replay(tmp_path / "new.wav").same


def test_a_recording_stays_one_under_its_new_name(shelf: Shelf) -> None:
    write_wav(shelf.folder / "master_1.wav", noise(10), RATE)
    assert shelf.rename("master_1.wav", "gig").now == "master_gig.wav"


@pytest.mark.parametrize(
    "name",
    ["b.wav", "b", "../b.wav", "x/b", "c:b", "nul", "", " ", ".wav", "a\0b", "a?", "x" * 300],
)
def test_names_that_are_taken_or_none_are_refused(shelf: Shelf, name: str) -> None:
    put(shelf.folder, "a.wav", 1)
    kept = put(shelf.folder, "b.wav", 2)
    with pytest.raises(BadValue) as raised:
        shelf.rename("a.wav", name)
    assert "\n" not in str(raised.value)
    assert (shelf.folder / "b.wav").read_bytes() == kept
    assert sorted(names(shelf.folder)) == ["a.wav", "b.wav"]


@pytest.mark.parametrize("name", ["none.wav", "../a.wav", ".stars.json", ".trash", "text.txt", ""])
def test_only_clips_are_changed(shelf: Shelf, name: str) -> None:
    (shelf.folder / "text.txt").write_text("mine")
    for change in (shelf.star, shelf.delete, shelf.restore, lambda it: shelf.rename(it, "x")):
        with pytest.raises(BadValue, match="clip"):
            change(name)
    assert [path.name for path in shelf.folder.iterdir()] == ["text.txt"]


def test_what_is_deleted_comes_back_with_its_star(shelf: Shelf) -> None:
    raw = put(shelf.folder, "a.wav")
    shelf.star("a.wav", True)
    assert shelf.delete("a.wav") == Change("a.wav", "gone", "")
    assert (names(shelf.folder), shelf.starred()) == ([], frozenset())
    assert shelf.restore("a.wav") == Change("a.wav", "restored", "a.wav")
    assert (shelf.folder / "a.wav").read_bytes() == raw
    assert shelf.starred() == {"a.wav"}


def test_a_name_that_was_given_again_is_not_taken_from_its_clip(shelf: Shelf) -> None:
    old = put(shelf.folder, "a.wav", 1)
    shelf.delete("a.wav")
    new = put(shelf.folder, "a.wav", 2)
    assert shelf.restore("a.wav") == Change("a.wav", "restored", "a_2.wav")
    assert (shelf.folder / "a.wav").read_bytes() == new
    assert (shelf.folder / "a_2.wav").read_bytes() == old


def test_the_trash_takes_a_name_twice_and_gives_the_last_one_back(shelf: Shelf) -> None:
    old = put(shelf.folder, "a.wav", 1)
    shelf.star("a.wav", True)
    shelf.delete("a.wav")
    new = put(shelf.folder, "a.wav", 2)
    shelf.delete("a.wav")
    assert {path.read_bytes() for path in (shelf.folder / TRASH).iterdir()} == {old, new}
    shelf.restore("a.wav")
    assert (shelf.folder / "a.wav").read_bytes() == new
    assert shelf.starred() == frozenset()
    assert shelf.restore("a_2.wav").now == "a_2.wav"
    assert (shelf.folder / "a_2.wav").read_bytes() == old
    assert shelf.starred() == {"a_2.wav"}


def test_a_kept_clip_has_its_samples(shelf: Shelf) -> None:
    put(shelf.folder, "a.wav", 3)
    before = read_wav(shelf.folder / "a.wav").audio
    for step in (shelf.star, shelf.delete, shelf.restore, lambda it: shelf.rename(it, "b")):
        step("a.wav")
    assert np.array_equal(read_wav(shelf.folder / "b.wav").audio, before)
