"""`sideman convert`, and what is played from the file that it makes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bridge.clips.wav import read_info
from tests.serving import sideman


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model as one file; read only."""
    path = tmp_path_factory.mktemp("convert") / "tiny.gguf"
    done = sideman("convert", "tiny", "-o", str(path))
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(rf"{re.escape(str(path))}  \d MB, q8_0\n", done.stdout)
    assert "random weights" in done.stderr
    assert done.stderr.count("\n") == 1
    return path


def refused(*words: str, status: int) -> str:
    done = sideman(*words)
    assert done.returncode == status, done
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_it_is_played_and_replayed(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.wav"
    done = sideman("generate", "house", "-t", "1", "--model", str(file), "-o", str(out))
    assert done.returncode == 0, done.stderr
    said = rf"{re.escape(str(file))} on cpu in \w+ with 14 s of context \(random weights"
    assert re.search(said, done.stderr)
    assert read_info(out).settings["model"] == str(file)
    again = sideman("replay", str(out))
    assert "the same samples" in again.stdout, again.stderr


def test_doctor_knows_it(file: Path, tmp_path: Path) -> None:
    done = sideman("doctor", "--model", str(file), "--clips", str(tmp_path))
    assert re.search(r"^ok    musicgen .*tiny\.gguf takes 0\.0 GB .*on disk", done.stdout, re.M)
    assert re.search(r"^ok    engine .*tiny\.gguf on ", done.stdout, re.M)


def test_a_file_that_is_there_stays_unless_forced(file: Path, tmp_path: Path) -> None:
    target = tmp_path / "mine.gguf"
    target.write_bytes(b"mine")
    words = ("convert", str(file), "-o", str(target), "--type", "q4_0")
    assert "--force" in refused(*words, status=2)
    assert target.read_bytes() == b"mine"
    assert sideman(*words, "--force").returncode == 0
    assert target.stat().st_size > 1_000_000


@pytest.mark.parametrize(
    ("words", "status", "part"),
    [
        (("tiny",), 2, "required"),
        (("tiny", "-o", "x.gguf", "--type", "q4_k_m"), 2, "use q4_0 or q8_0"),
        (("tiny", "-o", "x.gguf", "--type", "int3"), 2, "q8_0, q4_0, f16, f32"),
        (("tiny", "-o", "x.bin"), 2, ".gguf"),
        (("nowhere.gguf", "-o", "x.gguf"), 2, "no such file"),
        (("melody", "-o", "x.gguf"), 1, "melody"),
    ],
)
def test_what_it_refuses(words: tuple[str, ...], status: int, part: str) -> None:
    assert part in refused("convert", *words, status=status)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_half_a_file_is_one_line(file: Path, tmp_path: Path, share: float) -> None:
    whole = file.read_bytes()
    half = tmp_path / "half.gguf"
    half.write_bytes(whole[: int(share * len(whole))])
    for words in (("generate", "x"), ("serve", "--output", "null", "--clips", str(tmp_path))):
        said = refused(*words, "--model", str(half), status=1)
        assert "damaged" in said
        assert str(half) in said
