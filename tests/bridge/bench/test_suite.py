"""The measurements themselves, with counts so small that only their working shows."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import pytest

from bridge.bench import looking, suite
from bridge.bench.decoding import measure_decoding
from bridge.bench.figures import Figure, Tell
from bridge.bench.flood import measure_flood, mixture
from bridge.bench.latency import measure_latency
from bridge.bench.listening import Ear, asking, listened_server, settle
from bridge.bench.looking import measure_looking
from bridge.bench.packets import measure_packets
from bridge.bench.plan import Plan
from bridge.bench.playing import measure_memory
from bridge.bench.rendering import measure_rendering
from bridge.bench.startup import measure_startup
from bridge.bench.sync import measure_sync
from bridge.cli.bench import run
from bridge.osc.packet import Message, decode
from engine.errors import BadValue

TINY = Plan(
    starts=1, engine_s=0.2, play_s=0.2, changes=2, bundles=2, flood_s=0.3, flood_per_s=1000,
    peer_flood_s=0.2, early_s=0.5, late_s=1.0, decodes=100,
    packets_s=0.3,
)  # fmt: skip


def _quiet(line: str) -> None: ...


def _by_name(figures: list[Figure]) -> dict[str, Figure]:
    assert len({figure.name for figure in figures}) == len(figures)
    return {figure.name: figure for figure in figures}


def test_startup_is_timed_beside_an_import_of_numpy() -> None:
    figure = _by_name(measure_startup(TINY, _quiet))["serve to ready, median"]
    assert figure.value > 0
    assert figure.ratio is not None


def test_rendering_and_decoding_have_speeds() -> None:
    figures = measure_rendering(TINY, _quiet) + measure_decoding(TINY, _quiet)
    assert all(figure.value > 0 for figure in figures)


def test_consoles_that_look_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "SETTLE_S", 0.0)
    figures = _by_name(measure_looking(TINY, _quiet))
    assert figures["two consoles looking, frames each"].value > 0


def test_every_message_is_followed_to_the_device() -> None:
    figures = _by_name(measure_latency(TINY, _quiet))
    assert figures["messages without effect"].value == 0
    times = [figure for figure in figures.values() if figure.unit == "ms"]
    assert times
    assert all(0 < figure.value < math.inf for figure in times)


def test_packets_of_audio_are_timed_and_counted() -> None:
    figures = _by_name(measure_packets(TINY, _quiet))
    assert figures["audio packets lost"].value == 0
    assert figures["most packets of a send in 10 ms"].value >= 2
    off = figures["audio packets off the audio clock, median"]
    assert off.value >= 0
    assert off.ratio is not None


def test_bundles_are_on_their_samples() -> None:
    figures = _by_name(measure_sync(TINY, _quiet))
    assert figures["bundle of two decks, not on one sample"].value == 0
    assert figures["two time tags, worst error"].value == 0


def test_a_flood_is_counted_to_the_last_message() -> None:
    figures = _by_name(measure_flood(TINY, _quiet))
    assert figures["flood, lost"].value == 0
    assert figures["flood, lost"].peer == "python-osc"
    assert figures["flood, questions not answered"].value == 0


@pytest.mark.slow
def test_memory_is_looked_at_twice() -> None:
    figures = _by_name(measure_memory(TINY, _quiet))
    assert figures["memory, bridge and engine"].value > 0
    assert "memory, growth" in figures


def test_an_ear_hears_nothing_where_nothing_changes() -> None:
    with listened_server() as app, asking(app) as sender:
        sender.send("/deck/1/gain", -12.0)
        sender.send("/deck/1/prompt", "ambient pad")
        sender.send("/deck/1/play", "none")
        settle(sender, 1.5)
        ear = Ear(app)
        ear.arm()
        assert ear.wait() is None


def test_the_mixture_is_what_the_server_understands() -> None:
    for packet in mixture():
        assert isinstance(decode(packet), Message)


def test_the_command_prints_a_table_and_writes_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def one(plan: Plan, tell: Tell) -> list[Figure]:
        tell("measuring")
        return [Figure("x", 1.0, "ms")]

    monkeypatch.setattr(suite, "BRIDGE", (one,))
    path = tmp_path / "figures.json"
    assert run(argparse.Namespace(json=path, quick=True)) == 0
    assert "1 ms" in capsys.readouterr().out
    report = json.loads(path.read_text(encoding="utf-8"))
    assert report["figures"][0]["name"] == "x"
    assert report["machine"]["cores"] > 0


def test_a_folder_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="no folder"):
        run(argparse.Namespace(json=tmp_path / "missing" / "x.json", quick=True))
