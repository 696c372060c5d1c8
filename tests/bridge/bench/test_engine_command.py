"""`sideman bench engine`: what it takes, what it refuses, what it writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.cli import bench_engine, main
from bridge.engines import EngineChoice
from engine.bench import plot
from engine.bench.job import SIDEMAN, Measured
from engine.bench.limit import Limit
from engine.bench.plan import QUICK
from engine.bench.report import Machine, Report
from engine.musicgen.models import config, published


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[EngineChoice, bool]]:
    """What was to be measured; nothing is."""
    calls: list[tuple[EngineChoice, bool]] = []
    sizes = config.parse(published.raw("small"), "small")
    limit = Limit(sizes.decoder, 50.0, 40e9)
    row = Measured(SIDEMAN, "fp32", steps_s=25.0, steps=100)
    report = Report("small", Machine("cpu", "", "2", "5", 2), limit, QUICK, (row,))

    def measure(choice: EngineChoice, *, quick: bool, tell: Callable[[str], None]) -> Report:
        tell("measuring")
        calls.append((choice, quick))
        return report

    monkeypatch.setattr(bench_engine, "measure_engine", measure)
    return calls


def test_it_prints_tables_and_writes_json_and_a_picture(
    asked: list[tuple[EngineChoice, bool]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = tmp_path / "figures.json", tmp_path / "figures.png"
    words = ["bench", "engine", "--quick", "--model", "tiny", "--device", "cpu"]
    assert main([*words, "--json", str(files[0]), "--plot", str(files[1])]) == 0
    ((choice, quick),) = asked
    assert (choice.model, choice.device, quick) == ("tiny", "cpu", True)
    printed = capsys.readouterr()
    assert "sideman fp32" in printed.out
    assert printed.err == ""  # no terminal
    report = json.loads(files[0].read_text(encoding="utf-8"))
    assert report["contenders"][0]["realtime"] == 0.5
    assert report["host"]["cores"] > 0
    assert files[1].stat().st_size > 0


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--device", "tpu"), "auto cuda mps cpu"),
        (("--json", "missing/x.json"), "no folder"),
        (("--plot", "missing/x.png"), "no folder"),
        (("--plot", "x.txt"), ".png .svg .pdf"),
        (("--model",), "expected one argument"),
    ],
)
def test_what_cannot_be_is_one_line_before_anything_is_measured(
    asked: list[tuple[EngineChoice, bool]],
    words: tuple[str, ...],
    part: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["bench", "engine", *words]) == 2
    error = capsys.readouterr().err
    assert part in error
    assert error.count("\n") == 1
    assert not asked


def test_a_plot_without_matplotlib_is_told_before_anything_is_measured(
    asked: list[tuple[EngineChoice, bool]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(plot, "find_spec", lambda name: None)
    assert main(["bench", "engine", "--plot", "x.png"]) == 1
    assert capsys.readouterr().err == (
        "sideman: --plot needs matplotlib: pip install 'sideman[bench]'\n"
    )
    assert not asked


def test_the_bridge_has_no_plot(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "bridge", "--plot", "x.png"]) == 2
    assert "--plot" in capsys.readouterr().err
