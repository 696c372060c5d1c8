"""The real server with a real model engine, whose weights are random: it plays noise, in time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import soundfile

from bridge.cli.replay import replay
from tests.serving import Server, serving, until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    pytest.importorskip("transformers")
    tmp_path = tmp_path_factory.mktemp("model")
    words = ("--engine", "musicgen", "--model", "tiny", "--device", "cpu", "--key", "A minor")
    with serving(tmp_path, "--no-midi", *words) as running:
        yield running


def state(server: Server) -> object:
    return server.ask("/deck/1/state")[0]


def lock(server: Server) -> object:
    return server.ask("/deck/1/lock")[0]


def test_a_model_goes_every_way_that_the_music_can_go(server: Server) -> None:
    server.send("/tempo", 200.0)
    server.send("/deck/1/prompt", "drum loop")
    server.send("/deck/1/play")
    server.play_until(10)
    until(lambda: lock(server) in ("waiting", "free", "locked"), "the deck has no stream")
    server.send("/deck/1/warp", 0)
    until(lambda: lock(server) == "off", "the lock was not switched off")
    server.send("/deck/1/warp", 1)

    _, captured, *_ = server.ask("/deck/1/capture", 1, answer="/clip/done")
    assert soundfile.info(server.clips / str(captured)).frames == round(4 * 60 / 200 * 48000)

    server.send("/deck/1/hold", 1)
    until(lambda: state(server) == "holding", "the deck does not hold")
    server.send("/tempo", 180.0)
    server.play_until(server.position() + 5)
    assert state(server) == "holding"
    server.send("/deck/1/hold")
    until(lambda: state(server) == "playing", "the deck does not go on")

    _, rendered, *_ = server.ask("/clip/render", "drum loop", 1, 7, answer="/clip/done")
    assert soundfile.info(server.clips / str(rendered)).frames == round(4 * 60 / 180 * 48000)
    assert replay(server.clips / str(rendered)).same

    server.send("/clock", "osc")
    server.send("/tempo", 150.0)
    until(lambda: server.status()["tempo_bpm"] == 150.0, "the host's tempo is not followed")
    server.send("/clock", "internal")
    server.send("/stop")
    server.send("/deck/1/stop")
    server.sync()
    assert "Traceback" not in server.errors.read_text()


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
