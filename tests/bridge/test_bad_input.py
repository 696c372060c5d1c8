"""Whatever is sent to a running server, the music goes on."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bridge.app import App
from bridge.config import Config
from bridge.engines import EngineChoice
from bridge.osc.packet import encode
from bridge.osc.sender import Sender
from tests.bridge.osc.mutate import mutations
from tests.serving import Server, serving, until

PAD = "ambient pad only"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path, "--no-midi") as running:
        yield running


def refusal(server: Server, address: str, *values: object) -> str:
    server.send(address, *values)  # type: ignore[arg-type]
    where, message = server.client.wait_for("/error")
    assert where == address
    return str(message)


def test_refusals_say_the_value_and_the_range(server: Server) -> None:
    assert "20..400" in refusal(server, "/tempo", 19.0)
    assert "20..400" in refusal(server, "/tempo", float("nan"))
    assert "1 to 4" in refusal(server, "/deck/5/play")
    assert "none beat bar" in refusal(server, "/grid", "3bars")
    assert "4096" in refusal(server, "/deck/1/prompt", "x" * 5000)
    assert "1..64" in refusal(server, "/clip/render", "house", 65)
    assert "does not play" in refusal(server, "/deck/1/hold", 2)
    assert "1..64" in refusal(server, "/deck/1/capture", 65)
    assert "has not played yet" in refusal(server, "/deck/1/capture", 1)
    assert "musicgen" in refusal(server, "/deck/1/continue", "../../etc/passwd")
    assert "A minor" in refusal(server, "/key", "X minor")
    assert "no clip job" in refusal(server, "/clip/cancel", 77)
    assert "unknown address" in refusal(server, "/deck/1/volume", 0.5)
    assert "takes" in refusal(server, "/signature", 3)


def test_a_prompt_of_100_kb_over_tcp_is_refused_and_nothing_changes(server: Server) -> None:
    server.send("/deck/1/prompt", PAD)
    server.sync()
    for size in (30_000, 100_000):
        with socket.create_connection(("127.0.0.1", server.tcp_port), 20) as tcp:
            packet = encode("/deck/1/prompt", ("x" * size,))
            tcp.sendall(struct.pack(">i", len(packet)) + packet)
            assert b"/error" in tcp.recv(65536)
    assert server.ask("/deck/1/prompt") == (PAD,)


def test_any_prompt_plays(server: Server) -> None:
    server.send("/deck/1/play")
    for prompt in (
        "",
        " ",
        "🎷" * 200,
        "a\tb\nc\x01",
        "%s%n{}[]()*+?\\",
        "no no no only only",
        "x" * 4096,
    ):
        server.send("/deck/1/prompt", prompt)
        server.sync()
    assert server.status()["engine"] == "groove"
    assert server.errors.read_text().count("\n") == 1


def test_a_clips_folder_that_vanishes_is_told_and_the_music_goes_on(server: Server) -> None:
    server.send("/deck/1/play")
    server.clips.rmdir()
    server.clips.write_text("a file in its place")
    server.send("/clip/render", "house", 1)
    job, reason = server.client.wait_for("/clip/failed")
    assert job == 1
    assert reason
    server.send("/record", 1)
    address, reason = server.client.wait_for("/error")
    assert (address, bool(reason)) == ("/record", True)
    server.send("/subscribe")
    until(lambda: server.client.wait_for("/record") == (0,), "/record stays on")
    server.send("/unsubscribe")
    before = server.position()
    server.play_until(before + 1)


@pytest.mark.slow
def test_twenty_thousand_mutated_packets_while_it_plays(server: Server) -> None:
    server.send("/deck/1/prompt", PAD)
    server.send("/deck/1/play")
    server.send("/tempo", 120.0)
    server.sync()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        for number, packet in enumerate(mutations(seed=11, count=20_000)):
            other.sendto(packet, ("127.0.0.1", server.port))
            if number % 500 == 0:
                assert server.ask("/ping", number, answer="/pong") == (number,)
    server.send("/panic")
    server.send("/tempo", 120.0)
    server.send("/deck/1/prompt", PAD)
    server.send("/deck/1/play", "none")
    server.play_until(server.position() + 1)
    audio, _ = soundfile.read(server.record(beats=4), always_2d=True)
    assert np.abs(audio).max() > 0.01
    assert "Traceback" not in server.errors.read_text()
    assert "engine lost" not in server.errors.read_text()


def test_a_bug_in_a_handler_does_not_end_the_music(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    app = App(
        Config(
            EngineChoice("groove"),
            output="null",
            osc_port=0,
            tcp_port=0,
            clips=tmp_path,
            midi=False,
        )
    )
    app.start()
    try:
        monkeypatch.setattr(app.session, "panic", lambda: 1 / 0)
        with Sender("127.0.0.1", app.osc.udp_port) as client:
            client.send("/panic")
            assert client.ask("/sync", 5, answer="/synced") == (5,)
        assert "playing on" in caplog.text
        monkeypatch.undo()
    finally:
        app.stop()
