"""Audacity imports clips: what it takes their length, channels, rate and names to be.

One Audacity for all tests, which run in the order of this file: the first needs an empty project.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bridge.handing.pipes import PIPES
from tests.bridge.test_watch import end, line, watching
from tests.peers.audacity import Audacity, audacity
from tests.serving import sideman

pytestmark = pytest.mark.peer

RATE = 48_000
SAMPLES = round(2 * 4 * 60 / 127 * RATE)
"""Two bars at 127 BPM."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "clip.wav"
    words = ("--engine", "groove", "--bars", "2", "--bpm", "127", "-o", str(path))
    done = sideman("generate", "techno", *words)
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An Audacity that nobody talks to yet."""
    with audacity(tmp_path_factory.mktemp("home")) as editor:
        editor.to.close()
        editor.back.close()
        yield


@contextmanager
def talking() -> Iterator[Audacity]:
    """It, through its pipe; it serves one client after another."""
    to, back = (Path(PIPES.format(way, os.getuid())) for way in ("to", "from"))
    with to.open("w") as writing, back.open() as reading:
        yield Audacity(writing, reading)


def names(editor: Audacity) -> list[str]:
    """Of its tracks, from the top. Its JSON has a backslash as it is, so it is no JSON then."""
    said = editor.do("GetInfo: Type=Tracks Format=JSON")
    return [name.replace('\\"', '"') for name in re.findall(r'"name":"(.*)", "focused"', said)]


def test_audacity_imports_a_clip_to_the_sample(running: None, clip: Path, tmp_path: Path) -> None:
    back = tmp_path / "back.wav"
    done = sideman("import", str(clip))
    assert done.returncode == 0, done.stderr
    with talking() as editor:
        (span,) = json.loads(editor.do("GetInfo: Type=Clips Format=JSON"))
        (track,) = json.loads(editor.do("GetInfo: Type=Tracks Format=JSON"))
        editor.do("SelectAll:")
        editor.do(f'Export2: Filename="{back}" NumChannels=2')
    assert (span["start"], round(span["end"] * RATE)) == (0, SAMPLES)
    assert (track["kind"], track["channels"], track["name"]) == ("wave", 2, "clip")
    # An empty project takes its rate from what is imported; its own would be 44100.
    exported, rate = soundfile.read(back, dtype="float32", always_2d=True)
    assert (rate, exported.shape) == (RATE, (SAMPLES, 2))
    original, _ = soundfile.read(clip, dtype="float32", always_2d=True)
    np.testing.assert_allclose(exported, original, atol=2**-10)  # 16 bits, noise-shaped


def test_names_are_what_they_are(running: None, clip: Path, tmp_path: Path) -> None:
    odd = ['say "dub"', "back\\slash", "üñí 日本 it's", "x=1, y; $HOME"]
    copies = [shutil.copy(clip, tmp_path / f"{name}.wav") for name in odd]
    done = sideman("import", *map(str, copies))
    assert done.returncode == 0, done.stderr
    with talking() as editor:
        assert names(editor)[-4:] == odd


def test_the_newest_clip_is_imported_if_none_is_named(
    running: None, clip: Path, tmp_path: Path
) -> None:
    shutil.copy2(clip, tmp_path / "old.wav")
    newer = Path(shutil.copy(clip, tmp_path / "newest.wav"))
    soundfile.write(tmp_path / "foreign.wav", np.zeros((9, 2)), RATE)
    done = sideman("import", "--to", "audacity", "--clips", str(tmp_path))
    assert done.stdout.startswith(newer.name), done.stderr
    with talking() as editor:
        assert names(editor)[-1] == "newest"


def test_a_watch_hands_on_what_comes(running: None, clip: Path, tmp_path: Path) -> None:
    shutil.copy(clip, tmp_path / "watched.wav")
    with watching(tmp_path, "--all", "--to", "audacity") as process:
        assert line(process) == str(tmp_path / "watched.wav")
        assert end(process) == ""
    with talking() as editor:
        assert names(editor)[-1] == "watched"
