from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.errors import BadValue, EngineError
from engine.musicgen.models import new_file, tiny
from engine.musicgen.models.convert import convert

ROOT = Path(__file__).parents[4]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_it_has_its_name_once_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "a" / "x.gguf"
    with new_file.written(target, 1, force=False) as part:
        assert not target.exists()
        part.write_bytes(b"all of it")
    assert target.read_bytes() == b"all of it"
    assert names(target.parent) == ["x.gguf"]


def test_nothing_is_left_of_what_failed(tmp_path: Path) -> None:
    def fail() -> None:
        with new_file.written(tmp_path / "x.gguf", 1, force=False) as part:
            part.write_bytes(b"half of")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert names(tmp_path) == []


def test_a_file_that_came_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "x.gguf"

    def write(force: bool) -> None:
        with new_file.written(target, 1, force) as part:
            part.write_bytes(b"new")
            target.write_bytes(b"old")

    with pytest.raises(BadValue, match="--force"):
        write(force=False)
    assert target.read_bytes() == b"old"
    write(force=True)
    assert target.read_bytes() == b"new"
    assert names(tmp_path) == ["x.gguf"]


def test_where_there_are_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    target = tmp_path / "x.gguf"
    with new_file.written(target, 1, force=False) as part:
        part.write_bytes(b"1")

    def again() -> None:
        with new_file.written(target, 1, force=False):
            pass

    with pytest.raises(BadValue, match="--force"):
        again()
    assert target.read_bytes() == b"1"


def test_a_full_disk_is_seen_beforehand(
    tiny_mono: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000_000))
    with pytest.raises(EngineError, match=r"needs 0\.00 GB .*-o") as caught:
        convert("me/mine", tiny_mono, tmp_path / "x.gguf")
    assert "\n" not in str(caught.value)
    assert names(tmp_path) == []


def test_a_folder_that_cannot_be(tiny_mono: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(EngineError, match="cannot be written"):
        convert("me/mine", tiny_mono, tmp_path / "file" / "x.gguf")


def child(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit there")
def test_a_disk_that_fills_up_meanwhile_is_one_line(tiny_mono: Path, tmp_path: Path) -> None:
    limited = """
        import resource, sys
        from pathlib import Path
        from engine.errors import EngineError
        from engine.musicgen.models.convert import convert

        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
        try:
            convert("me/mine", Path(sys.argv[1]), Path(sys.argv[2]))
        except EngineError as error:
            print(error)
    """
    said, errors = child(limited, str(tiny_mono), str(tmp_path / "x.gguf")).communicate()
    assert errors == ""
    assert said.count("\n") == 1
    assert "cannot be written" in said
    assert names(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="kills with a signal")
def test_a_conversion_that_is_killed_leaves_nothing_that_counts(
    tiny_mono: Path, tmp_path: Path
) -> None:
    slow = """
        import sys
        from pathlib import Path
        from engine.musicgen.models.convert import convert

        def stop(done):
            if done > 0.5:
                print("half", flush=True)
                sys.stdin.read()

        convert("me/mine", Path(sys.argv[1]), Path(sys.argv[2]), show=stop)
    """
    target = tmp_path / "x.gguf"
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(slow), str(tiny_mono), str(target)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as working:  # fmt: skip
        assert working.stdout is not None
        assert working.stdout.readline() == "half\n"
        [part] = names(tmp_path)
        assert part.endswith(".part")
        with new_file.written(target, 1, force=False) as other:  # another one, at the same time
            assert sorted([part, other.name]) == names(tmp_path)
            other.write_bytes(b"")
        target.unlink()
        working.send_signal(signal.SIGKILL)
    assert names(tmp_path) == [part]
    convert("me/mine", tiny_mono, target)
    assert names(tmp_path) == ["x.gguf"]


_MEASURE = """
    import re, sys
    from pathlib import Path
    from engine.musicgen.models.convert import convert

    status = Path("/proc/self/status")
    peak_kb = lambda: int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text())[1])
    target = Path(sys.argv[2])
    convert("me/mine", Path(sys.argv[1]), target.with_name("first.gguf"), "q4_0")
    before_kb = peak_kb()
    convert("me/mine", Path(sys.argv[3]), target, "q4_0")
    print((peak_kb() - before_kb) / 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_memory_it_takes_does_not_grow_with_the_model(tiny_mono: Path, tmp_path: Path) -> None:
    large = tiny.make(tmp_path / "large", layers=16, width=256)  # 70 MB of small tensors
    said, errors = child(
        _MEASURE, str(tiny_mono), str(tmp_path / "x.gguf"), str(large)
    ).communicate()
    assert errors == ""
    assert float(said) < 30
