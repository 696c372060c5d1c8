"""`sideman import` without Audacity: what it would be told, and what is said if it does not listen.

The real Audacity is in `tests/peers/test_audacity.py`.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bridge.cli import main
from bridge.cli.import_clip import newest
from bridge.clips.wav import write_wav
from bridge.handing import pipes
from bridge.handing.audacity import NoAudacity, NotImported, import_clip, import_command
from engine.errors import BadValue

posix = pytest.mark.skipif(sys.platform == "win32", reason="its pipes have fixed names there")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "clip.wav", np.zeros((480, 2), np.float32), 48_000).path


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Where the pipes are looked for: not at those of an Audacity that this machine may run."""
    monkeypatch.setattr(pipes, "PIPES", str(tmp_path / "pipe.{}.{}"))

    def path(direction: str) -> Path:
        return tmp_path / f"pipe.{direction}.{os.getuid()}"

    return path


def answering(place: Callable[[str], Path], *pieces: str) -> tuple[threading.Thread, list[str]]:
    """Something that listens as Audacity does, and answers one command piece by piece."""
    heard: list[str] = []
    for direction in ("to", "from"):
        os.mkfifo(place(direction))
    listening = os.open(place("to"), os.O_RDONLY | os.O_NONBLOCK)  # before anybody writes
    os.set_blocking(listening, True)

    def listen() -> None:
        with place("from").open("w") as back, os.fdopen(listening) as to:
            heard.append(to.readline())
            for piece in pieces:
                back.write(piece)
                back.flush()
            to.readline()  # until the other is gone

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    return thread, heard


@posix
def test_an_answer_in_pieces_is_waited_for(clip: Path, place: Callable[[str], Path]) -> None:
    thread, heard = answering(place, "\n", "BatchCommand fin", "ished: OK\n", "\n")
    import_clip(clip, patience_s=10)
    thread.join()
    assert heard == [f'Import2: Filename="{clip}"\n']


@posix
def test_a_failure_is_told(clip: Path, place: Callable[[str], Path]) -> None:
    thread, _ = answering(place, "no room\nBatchCommand finished: Failed!\n\n")
    with pytest.raises(NotImported, match=r"clip\.wav: no room"):
        import_clip(clip, patience_s=10)
    thread.join()


@posix
def test_one_that_waits_in_a_dialog_is_not_waited_for_without_end(
    clip: Path, place: Callable[[str], Path]
) -> None:
    thread, _ = answering(place)
    with pytest.raises(NoAudacity, match=r"0\.2 s: close the dialog"):
        import_clip(clip, patience_s=0.2)
    thread.join()


@posix
@pytest.mark.parametrize("stale", [False, True])
def test_where_nobody_listens_the_remedy_is_told(
    clip: Path, place: Callable[[str], Path], stale: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    if stale:  # an Audacity that crashed leaves its pipes
        for direction in ("to", "from"):
            os.mkfifo(place(direction))
    assert main(["import", str(clip)]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "Preferences > Modules > mod-script-pipe" in said


@pytest.mark.skipif(os.name == "nt", reason="such names cannot be there")
def test_quotes_and_backslashes_are_escaped() -> None:
    assert import_command(Path('/a b/"x"\\y é.wav')) == (r'Import2: Filename="/a b/\"x\"\\y é.wav"')


@pytest.mark.parametrize("name", ["a\\new.wav", "a\nb.wav", "x" * 990])
def test_what_audacity_cannot_be_told_is_refused(name: str) -> None:
    if os.name == "nt" and "\\" in name:
        pytest.skip("a separator there")
    with pytest.raises(BadValue, match=r"rename|shorter path"):
        import_command(Path("/clips") / name)


def test_a_file_that_audacity_would_ask_about_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(b"RIFF")
    for name in ("x.wav", "missing.wav"):
        with pytest.raises(BadValue, match=name):
            import_clip(tmp_path / name)


def test_an_empty_folder_has_no_newest_clip(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="--clips DIR"):
        newest(tmp_path)
