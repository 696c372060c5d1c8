"""Names of clips: what is made from a prompt, and what is taken from the wire."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.clips.names import clip_name, clip_path, slug
from engine.errors import BadValue


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("Lofi Hip-Hop, dusty drums!", "lofi-hip-hop-dusty-drums"),
        ("  Café  à la mode ", "cafe-a-la-mode"),
        ("日本の音楽", "untitled"),
        ("", "untitled"),
        ("../../etc/passwd", "etc-passwd"),
        ("CON", "con-clip"),
        ("x" * 100, "x" * 40),
        ("a" * 39 + " b", "a" * 39),
    ],
)
def test_slugs(prompt: str, expected: str) -> None:
    assert slug(prompt) == expected


@given(st.text())
def test_a_slug_is_a_safe_name_for_any_prompt(prompt: str) -> None:
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?", slug(prompt))


def test_names_say_prompt_tempo_bars_and_seed() -> None:
    assert clip_name("deep house", 120.0, 8, 42) == "deep-house_120bpm_8bars_42.wav"
    assert clip_name("deep house", 117.3000030517578, 1, 0) == "deep-house_117.3bpm_1bars_0.wav"
    assert clip_name("deep house", 0, 0, 5) == "deep-house_5.wav"


@given(st.text(), st.floats(20, 400), st.integers(1, 64), st.integers(0, 2**31 - 1))
def test_our_own_names_are_taken(prompt: str, bpm: float, bars: int, seed: int) -> None:
    folder = Path("clips").resolve()
    name = clip_name(prompt, bpm, bars, seed)
    assert clip_path(folder, name) == folder / name


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "../a.wav", "a/b.wav", "/etc/passwd", "a\\b.wav", "C:a.wav", "a\0.wav",
        ".hidden", "a..wav", "a.", "a ", "nul", "Com1.wav", "a\n.wav", "x" * 256, "\ud800.wav",
        "a.wav:stream", "*",
    ],
)  # fmt: skip
def test_anything_but_a_plain_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadValue) as caught:
        clip_path(tmp_path, name)
    assert "\n" not in str(caught.value)


@given(st.text())
def test_whatever_is_taken_lies_in_the_folder(name: str) -> None:
    folder = Path("clips").resolve()
    try:
        path = clip_path(folder, name)
    except BadValue:
        return
    assert path.parent == folder


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "clips"
    home.mkdir()
    (tmp_path / "secret.wav").write_bytes(b"")
    (home / "inside.wav").write_bytes(b"")
    try:
        (home / "out.wav").symlink_to(tmp_path / "secret.wav")
        (home / "in.wav").symlink_to(home / "inside.wav")
        (home / "round.wav").symlink_to(home / "round.wav")
    except OSError:
        pytest.skip("no symbolic links here")
    with pytest.raises(BadValue, match="out of the clips folder"):
        clip_path(home, "out.wav")
    assert clip_path(home, "in.wav") == (home / "inside.wav").resolve()
    with pytest.raises(BadValue):
        clip_path(home, "round.wav")
