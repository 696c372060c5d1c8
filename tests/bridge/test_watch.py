"""`sideman watch`: which files it takes for finished clips, and what it does with each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np
import pytest
import soundfile

from bridge.clips.info import ClipInfo
from bridge.clips.wav import write_wav
from bridge.handing.command import Command
from bridge.handing.watching import arrivals
from engine.errors import BadValue
from tests.serving import END, OWN_GROUP, PATIENCE_S, ROOT, SIDEMAN, sideman

CLIP = ClipInfo(
    prompt="house", bpm=120.0, bars=1, numerator=4, denominator=4, seed=1, engine="groove"
)
SILENCE = np.zeros((96_000, 2), np.float32)


def write_clip(folder: Path, name: str, **settings: object) -> Path:
    return write_wav(folder / name, SILENCE, 48_000, replace(CLIP, settings=settings)).path


def write_recording(folder: Path) -> Path:
    return write_wav(folder / "master_2026-11-22_12-05-00.wav", SILENCE, 48_000).path


@contextmanager
def watching(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """`sideman watch` over a folder, ended as a terminal ends it if it has not ended before."""
    with subprocess.Popen(
        [*SIDEMAN, "watch", "--clips", str(folder), *words],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        creationflags=OWN_GROUP,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def line(process: subprocess.Popen[str], stream: str = "stdout") -> str:
    """The next line; waits for it."""
    return str(getattr(process, stream).readline()).rstrip("\n")


def end(process: subprocess.Popen[str]) -> str:
    """Interrupt it; what it still said on stderr."""
    process.send_signal(END)
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    return str(errors)


def test_each_finished_file_of_ours_is_printed_once_also_when_the_folder_was_away(
    tmp_path: Path,
) -> None:
    folder, away = tmp_path / "clips", tmp_path / "away"
    with watching(folder) as process:
        assert line(process, "stderr").startswith(f"sideman: waiting for {folder} (")
        clip = write_clip(folder, "house.wav")
        assert line(process) == str(clip)
        assert line(process, "stderr") == f"sideman: {folder} is there"
        shutil.copy(clip, folder / "half.wav.part")
        (folder / "cut.wav").write_bytes(clip.read_bytes()[:5000])
        soundfile.write(folder / "foreign.wav", SILENCE, 48_000)
        capture = write_clip(folder, "master.wav", live=True)
        assert line(process) == str(capture)
        recording = write_recording(folder)
        assert line(process) == str(recording)
        folder.rename(away)
        assert line(process, "stderr").startswith(f"sideman: waiting for {folder}")
        write_clip(away, "meanwhile.wav")
        away.rename(folder)
        assert line(process) == str(folder / "meanwhile.wav")
        (folder / "cut.wav").write_bytes(clip.read_bytes())  # now its copy is complete
        assert line(process) == str(folder / "cut.wav")
        end(process)


def test_all_brings_first_what_is_there_and_json_says_what_it_is(tmp_path: Path) -> None:
    first = write_clip(tmp_path, "b.wav")
    second = write_clip(tmp_path, "a.wav", live=True)
    third = write_recording(tmp_path)
    with watching(tmp_path, "--all", "--json") as process:
        told = [json.loads(line(process)) for _ in range(3)]
        end(process)
    assert [(t["path"], t["kind"], t["seconds"]) for t in told] == [
        (str(first), "clip", 2.0),
        (str(second), "capture", 2.0),
        (str(third), "recording", 2.0),
    ]
    assert (told[0]["bpm"], told[0]["bars"], told[0]["prompt"]) == (120.0, 1, "house")


class AfterTheFirstLook(Event):
    """Writes a clip when it is asked for the second time: the folder has been looked at by then."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._asked = 0

    def is_set(self) -> bool:
        self._asked += 1
        if self._asked == 2:
            write_clip(self._folder, "new.wav")
        return super().is_set()


def test_what_is_there_already_is_passed_over(tmp_path: Path) -> None:
    write_clip(tmp_path, "old.wav")
    stopping = AfterTheFirstLook(tmp_path)
    found = arrivals(tmp_path, stopping, False, print)
    assert next(found).path == tmp_path / "new.wav"
    stopping.set()
    assert list(found) == []


def test_a_folder_that_comes_later_brings_only_what_is_new(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    os.utime(write_clip(elsewhere, "old.wav"), (0, 0))
    folder = tmp_path / "clips"
    with watching(folder) as process:
        line(process, "stderr")
        write_clip(elsewhere, "new.wav")
        elsewhere.rename(folder)  # as a network drive is mounted
        assert line(process) == str(folder / "new.wav")
        end(process)


SHOW = "import json, sys; print(json.dumps(sys.argv[1:]), flush=True)"
FAIL = "import sys; print('no', flush=True); sys.exit(3)"


@pytest.mark.parametrize(
    ("words", "expected"), [((), ["{}"]), (("to={}", "x; y"), ["to={}", "x; y"])]
)
def test_a_command_gets_the_path_as_one_word(
    tmp_path: Path, words: tuple[str, ...], expected: list[str]
) -> None:
    folder = tmp_path / "it's $HOME `id`"
    clip = write_clip(folder, "house.wav")
    with watching(folder, "--all", "--", sys.executable, "-c", SHOW, *words) as process:
        got = json.loads(line(process))
        end(process)
    assert got == [word.replace("{}", str(clip)) for word in expected]


def test_a_command_that_fails_is_reported_and_the_next_clip_comes(tmp_path: Path) -> None:
    write_clip(tmp_path, "a.wav")
    write_clip(tmp_path, "b.wav")
    with watching(tmp_path, "--all", "--", sys.executable, "-c", FAIL) as process:
        for name in ("a.wav", "b.wav"):
            assert line(process) == "no"
            assert line(process, "stderr").endswith(f"ended with status 3 for {name}")
        assert end(process) == ""


def test_a_command_that_runs_is_ended_with_the_watch(tmp_path: Path) -> None:
    write_clip(tmp_path, "a.wav")
    wait = "import time; print('here', flush=True); time.sleep(600)"
    with watching(tmp_path, "--all", "--", sys.executable, "-c", wait) as process:
        assert line(process) == "here"
        assert end(process) == ""


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--", "no-such-program"), "no command 'no-such-program'"),
        (("--json", "--", sys.executable), "one of them"),
        (("--json", "--to", "audacity"), "one of them"),
        (("--to", "cubase"), "audacity"),
    ],
)
def test_bad_usage_is_one_line(tmp_path: Path, words: tuple[str, ...], part: str) -> None:
    done = sideman("watch", "--clips", str(tmp_path), *words)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert part in done.stderr


def test_a_file_for_a_folder_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "clips"
    file.touch()
    with pytest.raises(BadValue, match="is no folder"):
        next(arrivals(file, Event(), False, print))


def test_a_batch_file_would_go_through_a_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: r"C:\tools\hand.BAT")
    with pytest.raises(BadValue, match="batch file"):
        Command(["hand"], Event())
