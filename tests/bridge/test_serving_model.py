"""The real server with a real model engine, whose weights are random: it plays noise, in time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.serving import Server, serving, until

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    pytest.importorskip("transformers")
    words = ("--engine", "musicgen", "--model", "tiny", "--device", "cpu", "--key", "A minor")
    with serving(tmp_path, "--no-midi", *words) as running:
        yield running


def state(server: Server) -> object:
    return server.ask("/deck/1/state")[0]


def test_a_model_plays_goes_on_from_a_recording_and_survives_a_crash(server: Server) -> None:
    assert server.status()["engine"] == "musicgen"
    assert server.status()["model"] == "tiny"
    assert server.ask("/key") == ("A minor",)
    server.send("/deck/1/prompt", "lofi hip hop, dusty drums")
    server.send("/deck/1/play")
    until(lambda: state(server) == "playing", "the deck did not start")
    take = server.record(beats=6)
    audio, _ = soundfile.read(take, always_2d=True)
    assert np.abs(audio[-20000:]).max() > 0
    server.send("/deck/1/continue", take.name)
    server.sync()
    server.play_until(server.position() + 6)
    assert state(server) == "playing"
    server.engine.kill()
    until(lambda: "engine restarted" in server.errors.read_text(), "no engine came back")
    until(lambda: state(server) == "playing", "the deck did not go on")
    assert "Traceback" not in server.errors.read_text()
    assert server.stop() == 0
