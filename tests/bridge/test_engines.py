"""Which engine is taken, and what is said of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bridge import engines
from bridge.config import Config
from bridge.engines import EngineChoice, choose_engine, described, inline_engine
from engine.api import EngineInfo
from engine.errors import BadValue, EngineUnavailable

INFO = EngineInfo("musicgen", "small", "cuda:0", 32000, 1, 640, keeps_time=False)


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """MusicGen installed, its default weights on disk; the models that were resolved."""
    asked: list[str] = []

    def resolve(model: str, tell: Callable[[str], None]) -> Path:
        asked.append(model)
        return Path("folder") / model

    monkeypatch.setattr(engines, "_is_installed", lambda: True)
    monkeypatch.setattr(engines, "_is_cached", lambda model: True)
    monkeypatch.setattr(engines, "_resolve", resolve)
    return asked


def test_auto_takes_musicgen_once_it_is_there(resolved: list[str]) -> None:
    chosen = choose_engine(EngineChoice(device="cpu", precision="fp32", context_s=20), 44100)
    assert chosen.name == "musicgen"
    assert resolved == ["facebook/musicgen-small"]
    assert "groove" in chosen.why
    factory = chosen.factory
    assert factory.args == (str(Path("folder/facebook/musicgen-small")),)  # type: ignore[attr-defined]
    told = factory.keywords  # type: ignore[attr-defined]
    assert (told["rate"], told["device"], told["precision"]) == (44100, "cpu", "fp32")
    assert told["context_s"] == 20
    assert chosen.timeout_s == 600


def test_auto_without_the_weights_says_how_to_get_them(
    resolved: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_is_cached", lambda model: False)
    chosen = choose_engine(EngineChoice(), 48000)
    assert chosen.name == "groove"
    assert "sideman serve --engine musicgen" in chosen.why
    assert "non-commercial" in chosen.why
    assert resolved == []


def test_auto_with_a_model_takes_that(resolved: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_is_cached", lambda model: False)
    assert choose_engine(EngineChoice(model="large"), None).name == "musicgen"
    assert resolved == ["large"]


def test_without_the_extra_auto_is_groove_and_musicgen_a_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engines, "_is_installed", lambda: False)
    assert "pip install" in choose_engine(EngineChoice(), 48000).why
    for choice in (EngineChoice("musicgen"), EngineChoice(model="small")):
        with pytest.raises(EngineUnavailable, match=r"pip install 'sideman\[musicgen\]'"):
            choose_engine(choice, 48000)


def test_a_model_is_resolved_once_however_often_the_engine_starts(
    resolved: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: list[float] = []
    monkeypatch.setattr(
        "engine.host.client.start_process",
        lambda factory, timeout_s: starts.append(timeout_s),
    )
    chosen = choose_engine(EngineChoice("musicgen"), 48000)
    chosen.start()
    chosen.start()
    assert starts == [600, 600]
    assert len(resolved) == 1


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"name": "piano"}, "auto groove musicgen"),
        ({"name": "groove", "model": "small"}, "--model"),
        ({"device": "tpu"}, "auto cuda mps cpu"),
        ({"precision": "fp8"}, "fp32 bf16 fp16"),
        ({"context_s": 5.0}, "10..30"),
        ({"context_s": float("nan")}, "10..30"),
    ],
)
def test_nonsense_is_refused_before_anything_is_loaded(
    values: dict[str, object], reason: str
) -> None:
    with pytest.raises(BadValue, match=reason):
        EngineChoice(**values)  # type: ignore[arg-type]


def test_groove_plays_at_any_rate_or_its_own() -> None:
    for rate, plays in ((22050, 22050), (None, 48000)):
        handle = inline_engine(EngineChoice("groove"), rate)
        assert handle.info.rate == plays
        handle.shutdown()


def test_what_must_be_known_of_an_engine_is_said_with_its_name() -> None:
    assert described(INFO) == "musicgen, small on cuda:0"
    chosen = replace(INFO, precision="int4", context_s=10.0)
    assert described(chosen) == "musicgen, small on cuda:0 in int4 with 10 s of context"
    groove = choose_engine(EngineChoice("groove"), 48000)
    handle = groove.inline()
    assert groove.line(handle.info) == "engine groove (a synthesiser, no AI)"
    handle.shutdown()


def test_a_key_is_checked_before_the_server_starts() -> None:
    with pytest.raises(BadValue, match="A minor"):
        Config(key="H minor")


HEAVY = ("torch", "transformers", "huggingface_hub", "safetensors")


@pytest.mark.parametrize("name", ["groove", "auto"])
def test_choosing_loads_nothing_heavy(name: str, tmp_path: Path) -> None:
    script = (
        "import sys; from bridge.engines import EngineChoice, choose_engine;"
        f"print(choose_engine(EngineChoice({name!r}), 48000).name);"
        f"print([m for m in {HEAVY} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": ".", "HF_HOME": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split("\n")[:2] == ["groove", "[]"]


def test_the_command_line_is_read_without_numpy() -> None:
    script = "import sys, bridge.cli.parser; sys.exit('numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)
