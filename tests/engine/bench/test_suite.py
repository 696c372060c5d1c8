"""The measurements themselves, on a tiny model, with counts so small that only their working
shows."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from engine.bench import ours, suite, theirs
from engine.bench.job import SIDEMAN, TRANSFORMERS, Job, Measured
from engine.bench.plan import Plan
from engine.errors import EngineError, EngineUnavailable
from engine.musicgen.models import tiny

TINY = Plan(
    prompts=1, music_s=0.2, work_s=0.1, plain_work_s=0.1, lanes=(1, 2), lanes_work_s=0.1,
    short_s=0.2, full_s=0.3, context_steps=4, read_bytes=1 << 20,
)  # fmt: skip
BESIDE = {"who", "precision", "failure", "gpu_peak_bytes", "load_first_s", "others_share"}
"""No figures of a contender's one run on a CPU."""
NOT_THEIRS = {"context_s", "known_prompt_s", "change_s", "changed_s"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make(tmp_path_factory.mktemp("tiny") / "model")


def _figures(answers: Iterator[str | dict[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for answer in answers:
        if not isinstance(answer, str):
            merged |= answer
    return merged


def _missing(figures: Mapping[str, Any]) -> set[str]:
    names = {part.name for part in fields(Measured)}
    assert set(figures) <= names
    return {name for name in names - BESIDE if not figures.get(name)}


def test_every_figure_of_ours_is_measured(folder: Path) -> None:
    job = Job("measure", "cpu", SIDEMAN, "fp32", str(folder), TINY)
    figures = _figures(ours.measure(job))
    assert not _missing(figures)
    assert set(figures["lanes_steps_s"]) == {"1", "2"}


def test_every_figure_that_transformers_can_have_is_measured(folder: Path) -> None:
    job = Job("measure", "cpu", TRANSFORMERS, "fp32", str(folder), TINY)
    figures = _figures(theirs.measure(job))
    assert _missing(figures) == NOT_THEIRS
    assert set(figures["lanes_steps_s"]) == {"1", "2"}


def test_streams_without_room_are_no_end_of_the_rest(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = ours.load(Job("load", "cpu", SIDEMAN, "fp32", str(folder)))
    bench = ours._Bench(engine, TINY)
    step = engine.step

    def full(streams: Any, frames: int) -> Any:
        if len(streams) > 1:
            raise EngineError("out of memory")
        return step(streams, frames)

    monkeypatch.setattr(engine, "step", full)
    figures = _figures(bench.lanes())
    assert set(figures["lanes_steps_s"]) == {"1"}
    assert figures["failure"] == "2 streams: out of memory"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_run_has_a_row_for_each_of_both(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite, "PRECISIONS", ("auto", "fp32"))
    told: list[str] = []
    report = suite.run_suite(folder, "tiny", "cpu", TINY, told.append)
    assert [row.name for row in report.measured] == ["sideman fp32", "transformers fp32"]
    for row in report.measured:
        assert not row.failure
        assert row.load_first_s
        assert row.others_share is None or 0 <= row.others_share <= 1
        assert row.load_s
        assert row.steps_s
    assert report.as_text().startswith("tiny on cpu, ")
    assert report.limit.bytes_per_s > 0
    assert report.times_transformers(report.measured[0], "fp32")
    assert any(line.startswith("sideman fp32: ") for line in told)


def test_what_a_contender_cannot_do_is_in_its_row(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job("measure", "cpu", SIDEMAN, "int3", str(folder), TINY)
    row = suite._measure(job, lambda line: None)
    assert row.failure.startswith("--precision 'int3' is none of")
    assert row.steps_s is None


def test_what_a_library_says_is_one_line() -> None:
    job = Job("measure", "cpu", TRANSFORMERS, "fp32", "/nowhere", TINY)
    failure = suite._ask(job, lambda line: None)["failure"]
    assert "/nowhere" in failure
    assert "\n" not in failure


def test_a_child_that_dies_without_a_word_says_how() -> None:
    assert "ended by signal 9: too little memory?" in suite._death(-9, io.BytesIO())
    noise = io.BytesIO(b"Traceback\n  somewhere\nImportError: no torch\n\n")
    assert suite._death(1, noise).endswith("status 1: ImportError: no torch")
    assert suite._death(1, io.BytesIO()).endswith("status 1")


def test_precisions_are_the_engines_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "auto" not in suite.precisions("cpu")
    assert "fp16" not in suite.precisions("cpu")
    assert "fp16" in suite.precisions("cuda")
    monkeypatch.setattr(suite, "PRECISIONS", ("auto", "fp32", "int2"))
    assert suite.precisions("cpu") == ["fp32", "int2"]


def test_a_device_that_is_not_here_ends_it_before_anything_is_measured(folder: Path) -> None:
    told: list[str] = []
    with pytest.raises(EngineError, match="there is no cuda:63 device here"):
        suite.run_suite(folder, "tiny", "cuda:63", TINY, told.append)
    assert told == ["the speed of memory"]


def test_a_model_that_is_not_here_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable):
        suite.run_suite(tmp_path, "none", "cpu", TINY, lambda line: None)
