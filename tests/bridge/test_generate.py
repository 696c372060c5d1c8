"""`generate` and `replay` with an engine of the tests: several prompts, faults, words, memory."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bridge.cli import generate, main, replay
from bridge.cli.progress import Progress, progress_line
from bridge.clips.wav import read_info, read_wav, write_wav
from bridge.engines import EngineChoice, ModelState
from engine import fake
from engine.api import EngineHandle, Recording, Steering, StreamReader
from engine.errors import EngineUnavailable
from engine.host.inline import InlineEngine
from tests.bridge.clips.samples import clip_info, noise
from tests.serving import ROOT

RATE = 8000


class Engine(InlineEngine):
    """The fake engine, which goes on from recordings; it keeps what it was asked for."""

    def __init__(self, choice: EngineChoice, rate: int | None) -> None:
        super().__init__(partial(fake.load, rate or RATE, continues=True))
        self.choice, self.rate = choice, rate
        self.opened: list[tuple[Steering, Recording | None]] = []

    def open(
        self,
        steering: Steering,
        *,
        lookahead: int = 0,
        length: int | None = None,
        opening: Recording | None = None,
    ) -> StreamReader:
        self.opened.append((steering, opening))
        return super().open(steering, lookahead=lookahead, length=length, opening=opening)


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> list[Engine]:
    """Every engine that is started, in order."""
    started: list[Engine] = []

    def start(choice: EngineChoice, rate: int | None) -> EngineHandle:
        started.append(Engine(choice, rate))
        return started[-1]

    monkeypatch.setattr(generate, "inline_engine", start)
    monkeypatch.setattr(replay, "inline_engine", start)
    # The name that a clip keeps is looked for among the engines that there are.
    monkeypatch.setattr("bridge.engines.ENGINES", ("auto", "groove", "musicgen", "fake"))
    return started


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_prompts_go_through_the_engine_in_batches(tmp_path: Path, engines: list[Engine]) -> None:
    words = ["generate", *"abcde", "-t", "1", "--batch-size", "2", "--seed", "3"]
    assert main([*words, "-o", str(tmp_path)]) == 0
    assert len(engines) == 1
    assert len(engines[0].opened) == 5
    assert files(tmp_path) == [f"{prompt}_3.wav" for prompt in "abcde"]


def test_a_clip_made_in_a_batch_is_the_same_alone(tmp_path: Path, engines: list[Engine]) -> None:
    words = ["--bars", "2", "--bpm", "133", "--seed", "3", "-o"]
    assert main(["generate", "jazz", "dub", "house", *words, str(tmp_path / "three")]) == 0
    assert main(["generate", "dub", *words, str(tmp_path / "alone")]) == 0
    one, other = (read_wav(tmp_path / f / "dub_133bpm_2bars_3.wav") for f in ("three", "alone"))
    assert np.array_equal(one.audio, other.audio)
    assert main(["replay", str(tmp_path / "three" / "dub_133bpm_2bars_3.wav")]) == 0


def test_a_prompt_that_fails_is_named_and_costs_the_others_nothing(
    tmp_path: Path, engines: list[Engine], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["generate", "jazz", "!crash", "dub", "-t", "6", "--seed", "1", "-o", str(tmp_path)]
    assert main(asked) == 1
    told = capsys.readouterr()
    assert files(tmp_path) == ["dub_1.wav", "jazz_1.wav"]
    assert [line.split()[0] for line in told.out.splitlines()] == [
        str(tmp_path / name) for name in ("jazz_1.wav", "dub_1.wav")
    ]
    assert re.fullmatch(r"sideman: !crash: .*told to crash\n", told.err)


def test_the_only_prompt_that_fails_is_an_error_as_any(
    tmp_path: Path, engines: list[Engine], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", "!crash", "-o", str(tmp_path)]) == 1
    assert re.fullmatch(r"sideman: .*told to crash\n", capsys.readouterr().err)
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], ""),
        (["--bpm", "97"], "97 bpm"),
        (["--bars", "1"], ""),
        (["--bpm", "97", "--key", "a minor"], "97 bpm, A minor"),
        (["--key", "F# dorian"], "F# dorian"),
        (["--bpm", "97", "--key", "A minor", "--as-typed"], ""),
    ],
)
def test_tempo_and_key_go_along_as_words(
    tmp_path: Path, engines: list[Engine], options: list[str], words: str
) -> None:
    out = tmp_path / "a.wav"
    assert main(["generate", "lofi", "-o", str(out), *options]) == 0
    assert engines[0].opened[0][0].words == words
    assert engines[0].opened[0][0].prompts[0].text == "lofi"
    assert read_info(out).settings["words"] == words
    assert main(["replay", str(out)]) == 0
    assert engines[1].opened == engines[0].opened


def test_it_goes_on_from_a_recording_and_is_replayed_only_with_it(
    tmp_path: Path, engines: list[Engine], capsys: pytest.CaptureFixture[str]
) -> None:
    before, out = tmp_path / "before.wav", tmp_path / "after.wav"
    soundfile.write(before, np.full((RATE * 2, 1), 0.25), 44100, subtype="PCM_24")
    asked = ["generate", "lofi", "-t", "1", "-o", str(out)]
    assert main([*asked, "--continue-from", str(before)]) == 0
    opening = engines[0].opened[0][1]
    assert opening is not None
    assert (opening.rate, opening.audio.shape) == (44100, (RATE * 2, 1))
    audio = read_wav(out).audio
    assert len(audio) == RATE
    assert audio[0, 0] == pytest.approx(0.25, abs=1e-6)
    assert main(["replay", str(out)]) == 0
    before.rename(tmp_path / "moved.wav")
    capsys.readouterr()
    assert main(["replay", str(out)]) == 1
    assert re.fullmatch(
        r"sideman: .*goes on from before\.wav.*--continue-from\n", capsys.readouterr().err
    )
    assert main(["replay", str(out), "--continue-from", str(tmp_path / "moved.wav")]) == 0
    assert main(["replay", str(out), "--continue-from", str(out)]) == 1
    assert "not the recording" in capsys.readouterr().err


def test_groove_cannot_go_on_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "before.wav", np.zeros((100, 1)), 44100)
    asked = ["generate", "lofi", "--engine", "groove", "-o", str(tmp_path / "a.wav")]
    assert main([*asked, "--continue-from", str(tmp_path / "before.wav")]) == 1
    assert re.fullmatch(r"sideman: engine groove cannot go on .*\n", capsys.readouterr().err)
    assert files(tmp_path) == ["before.wav"]


def test_replay_asks_for_what_made_the_clip(tmp_path: Path, engines: list[Engine]) -> None:
    out = tmp_path / "a.wav"
    assert main(["generate", "lofi", "-t", "1", "--rate", "11025", "-o", str(out)]) == 0
    assert main(["replay", str(out)]) == 0
    assert engines[1].choice == EngineChoice("fake", "fake-1", "cpu")
    assert engines[1].rate == 11025


def test_replay_says_which_engine_and_model_are_missing(
    tmp_path: Path,
    engines: list[Engine],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(choice: EngineChoice, rate: int | None) -> EngineHandle:
        raise EngineUnavailable("no weights")

    out = tmp_path / "a.wav"
    assert main(["generate", "lofi", "-t", "1", "-o", str(out)]) == 0
    monkeypatch.setattr(replay, "inline_engine", refuse)
    assert main(["replay", str(out)]) == 1
    assert "made by fake fake-1, which cannot be had here: no weights" in capsys.readouterr().err


def test_replay_downloads_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {
        "prompts": [["lofi", 1.0]], "temperature": 1.0, "top_k": 1, "guidance": 1.0,
        "seconds": 1.0, "model": "facebook/musicgen-large", "rate": RATE,
    }  # fmt: skip
    info = clip_info(bars=0, engine="musicgen", settings=settings)
    write_wav(tmp_path / "a.wav", noise(RATE), RATE, info)
    monkeypatch.setattr(
        replay, "model_state", lambda model: ModelState(True, model, False, needs_bytes=0)
    )
    assert main(["replay", str(tmp_path / "a.wav")]) == 1
    assert re.fullmatch(
        r"sideman: .*musicgen facebook/musicgen-large, which is not on this disk: .*\n",
        capsys.readouterr().err,
    )


def test_replay_says_by_how_much_another_clip_differs(
    tmp_path: Path, engines: list[Engine]
) -> None:
    for seed in "12":
        assert main(["generate", "lofi", "-t", "1", "--seed", seed, "-o", str(tmp_path)]) == 0
    one, other = tmp_path / "lofi_1.wav", tmp_path / "lofi_2.wav"
    assert replay.compare(one, one) == 0.0
    difference = np.abs(read_wav(one).audio - read_wav(other).audio).max()
    assert replay.compare(one, other) == pytest.approx(difference)
    assert main(["generate", "lofi", "-t", "2", "--seed", "3", "-o", str(tmp_path)]) == 0
    assert replay.compare(one, tmp_path / "lofi_3.wav") == float("inf")


def test_mastered_clips_say_how_loud_they_are_and_are_replayed(
    tmp_path: Path, engines: list[Engine], capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pyloudnorm")
    asked = ["generate", "lofi", "--bars", "2", "--master", "-o"]
    assert main([*asked, str(tmp_path / "a.wav")]) == 0
    assert re.search(r", -1[56]\.\d LUFS$", capsys.readouterr().out.strip())
    assert main(["replay", str(tmp_path / "a.wav")]) == 0
    scrap = ["generate", "lofi", "-t", "0.2", "--master", "-o", str(tmp_path / "b.wav")]
    assert main(scrap) == 0
    assert re.fullmatch(r"sideman: b\.wav .*not mastered\n", capsys.readouterr().err)


def test_without_the_library_mastering_is_refused_before_anything_is_made(
    tmp_path: Path,
    engines: list[Engine],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "pyloudnorm", None)
    assert main(["generate", "lofi", "--master", "-o", str(tmp_path)]) == 1
    assert re.fullmatch(r"sideman: mastering needs pyloudnorm.*\n", capsys.readouterr().err)
    assert engines == []


def test_what_no_wav_file_can_hold_is_refused_at_once(
    tmp_path: Path, engines: list[Engine], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["generate", "lofi", "-t", "86400", "--rate", "48000", "-o", str(tmp_path / "a.wav")]
    assert main(asked) == 2
    assert "4 GiB" in capsys.readouterr().err
    assert files(tmp_path) == []


def test_the_progress_line_fits_the_terminal() -> None:
    assert progress_line(["lofi"], [0.45], 79) == "lofi   45 %"
    assert progress_line(["lofi", "techno"], [0.45, 1.0], 79) == "1 lofi   45 %   2 techno  100 %"
    names = [f"a long prompt, number {n}" for n in range(9)]
    for columns in (10, 20, 79, 200):
        for count in (1, 2, 4, 9):
            assert len(progress_line(names[:count], [0.5] * count, columns)) <= columns


def test_progress_is_quiet_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("lofi", "techno") as progress:
        progress.show(0.5, 1)
        progress.say("done")
    assert capsys.readouterr().err == ""


SCRIPT = """
import os, resource, sys
from functools import partial
from bridge.cli import generate, main
from engine import fake
from engine.host.inline import InlineEngine

class Engine(fake.FakeEngine):
    def step(self, streams, frames):
        if streams[0].position > {dies_at}:
            os._exit(9)
        return super().step(streams, frames)

generate.inline_engine = lambda choice, rate: InlineEngine(
    partial(Engine, fake.load(48000).info)
)
{before}
status = main(["generate", "lofi", "--seed", "1", *sys.argv[1:]])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
sys.exit(status)
"""
NEVER = 2**62


def run(*words: str, dies_at: int = NEVER, before: str = "") -> subprocess.CompletedProcess[str]:
    script = SCRIPT.format(dies_at=dies_at, before=before)
    command = [sys.executable, "-c", script, *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)


needs_posix = pytest.mark.skipif(os.name != "posix", reason="there is no resource module there")


@needs_posix
def test_a_long_piece_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    peak_mb = []
    unit = 2**20 if sys.platform == "darwin" else 2**10
    for seconds in ("10", "300"):
        done = run("-t", seconds, "-o", str(tmp_path / f"{seconds}.wav"))
        assert done.returncode == 0, done.stderr
        peak_mb.append(int(done.stdout.splitlines()[-1]) / unit)
    assert peak_mb[1] - peak_mb[0] < 20
    assert soundfile.info(tmp_path / "300.wav").frames == 300 * 48000


@needs_posix
def test_a_process_that_dies_on_the_way_leaves_nothing(tmp_path: Path) -> None:
    done = run("-t", "60", "-o", str(tmp_path / "a.wav"), dies_at=50 * 48000)
    assert done.returncode == 9
    assert files(tmp_path) == []


@needs_posix
@pytest.mark.parametrize("most_mb", [12, 20])
def test_a_file_that_cannot_grow_is_one_line_and_leaves_nothing(
    tmp_path: Path, most_mb: int
) -> None:
    """60 s are 23 MB on the way and 17 MB in the end; both are over 12, the first is over 20."""
    limit = f"resource.setrlimit(resource.RLIMIT_FSIZE, ({most_mb} * 2**20, {most_mb} * 2**20))"
    done = run("-t", "60", "-o", str(tmp_path / "a.wav"), before=limit)
    assert done.returncode == 1
    assert re.fullmatch(
        r"sideman: the file grew larger than .*: make it shorter, .*\n", done.stderr
    )
    assert files(tmp_path) == []
