"""The first thing that a newcomer runs, as they run it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from bridge.demo.story import BARS, CUES, FIRST_BPM, LAST_BPM, LOOP_BARS, LOOPS

RATE = 48000


def demo(folder: Path, *, own_group: bool = False) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bridge.cli", "demo", "--output", "null", "--clips", str(folder)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
        process_group=0 if own_group else None,
    )  # fmt: skip


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str, int]:
    """The folder, what was printed on stdout and stderr, and the exit status of one demo."""
    folder = tmp_path_factory.mktemp("demo") / "clips"
    with demo(folder) as running:
        out, err = running.communicate()
    return folder, out, err, running.returncode


def row(out: str, name: str) -> str:
    return next(line for line in out.splitlines() if line.startswith(f"{name} "))


@pytest.mark.slow
def test_the_demo_keeps_its_promises(told: tuple[Path, str, str, int]) -> None:
    _, out, err, status = told
    assert status == 0, out + err
    assert err == ""
    assert "FAILED" not in out
    assert "synthesiser, no AI" in out
    for cue in CUES:
        assert cue.address in out
    assert "the same samples as the first loop" in row(out, "replay")
    assert "late launches 0" in row(out, "xruns")
    assert len(re.findall(r"\d+ ms", row(out, "latency"))) == 4
    assert len(re.findall(r"^  \S*sideman (serve|send|generate) ", out, re.M)) == 3


@pytest.mark.slow
def test_onsets_and_tempo_are_those_that_were_asked_for(told: tuple[Path, str, str, int]) -> None:
    _, out, _, _ = told
    found = re.search(r"([\d.]+) samples .* (\d+) kicks, (\d+) beats", row(out, "onsets"))
    assert found
    assert float(found[1]) <= 1.0
    assert int(found[2]) >= int(found[3])
    tempos = re.findall(r"\d+\.\d{3}", row(out, "tempo"))
    assert [float(bpm) for bpm in tempos] == pytest.approx([FIRST_BPM, LAST_BPM], abs=0.02)


@pytest.mark.slow
def test_a_host_is_followed_and_a_recording_brought_onto_the_grid(
    told: tuple[Path, str, str, int],
) -> None:
    _, out, _, _ = told
    followed = re.search(r"(\d+) kicks, ([\d.]+) ms \(median\)", row(out, "following"))
    assert followed
    assert int(followed[1]) > 20
    assert float(followed[2]) < 10
    warped = re.search(r"(\d+) beats, .* ([\d.]+) ms \(median\)", row(out, "warp"))
    assert warped
    assert int(warped[1]) > 30
    assert float(warped[2]) < 5


@pytest.mark.slow
def test_the_files_are_music(told: tuple[Path, str, str, int]) -> None:
    folder, out, _, _ = told
    files = {path.name for path in folder.iterdir()}
    warped = {name for name in files if name.startswith("free_")}
    assert len(warped) == 2
    assert len(files - warped) == 1 + len(LOOPS) + 1  # and nothing half-made beside them
    for name in files:
        assert name in out
        audio, rate = soundfile.read(folder / name)
        assert rate == RATE
        assert 0.05 < abs(audio).max() < 1.0
    (master,) = [name for name in files if name.startswith("master_")]
    story_s = 60 * 4 * ((BARS / 2) / FIRST_BPM + (BARS / 2) / LAST_BPM)
    assert soundfile.info(folder / master).duration == pytest.approx(story_s, abs=2)
    for name in files - warped - {master}:
        assert soundfile.info(folder / name).frames == round(LOOP_BARS * 4 * 60 * RATE / FIRST_BPM)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C there goes to the test as well")
def test_an_interrupt_ends_it_quietly(tmp_path: Path) -> None:
    with demo(tmp_path, own_group=True) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if "/slot/1/launch" in line:
                break
        os.killpg(running.pid, signal.SIGINT)
        _, err = running.communicate()
    assert running.returncode == 130
    assert err == ""
    assert all(path.name.startswith("master_") for path in tmp_path.iterdir())
    assert not list(tmp_path.glob("*.part"))
