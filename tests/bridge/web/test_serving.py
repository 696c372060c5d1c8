"""`sideman serve` with its HTTP server, driven over OSC, HTTP and the WebSocket at once."""

from __future__ import annotations

import re
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import correlate
from websockets.exceptions import ConnectionClosed, InvalidStatus

from bridge.osc.packet import Message
from bridge.table import Table
from bridge.web.listener import MAX_CONNECTIONS
from tests.bridge.web.web import Ear, get, listener, raw
from tests.serving import Server, serving, sideman, until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("web"), "--no-midi") as it:
        yield it


@pytest.fixture(scope="module")
def port(server: Server) -> int:
    found = re.search(r" http 127\.0\.0\.1:(\d+) output ", server.ready)
    assert found, server.ready
    return int(found[1])


def test_every_address_is_served(port: int) -> None:
    root = get(port, "/")[1]
    for path in Table(decks=4):
        found = root
        for name in path.split("/")[1:]:
            found = found["CONTENTS"][name]
        assert found["FULL_PATH"] == path


def test_host_info_says_where_osc_is(server: Server, port: int) -> None:
    info = get(port, "/?HOST_INFO")[1]
    assert (info["OSC_IP"], info["OSC_PORT"]) == ("127.0.0.1", server.port)


def test_a_change_over_osc_is_seen_and_heard(server: Server, port: int) -> None:
    with listener(port) as ear:
        ear.command("LISTEN", "/deck/1/gain")
        assert ear.hear().address == "/deck/1/gain"
        server.send("/deck/1/gain", -7.5)
        server.sync()
        assert get(port, "/deck/1/gain?VALUE")[1] == {"VALUE": [-7.5]}
        assert ear.hear() == Message("/deck/1/gain", (-7.5,))


def test_a_blend_is_seen_whole(server: Server, port: int) -> None:
    server.send("/deck/3/prompt", "techno", 0.5, "jazz", 0.5)
    server.sync()
    node = get(port, "/deck/3/prompt")[1]
    assert node["VALUE"] == ["techno"]
    assert ["techno", 0.5, "jazz", 0.5] in [form.get("VALUE") for form in node["OVERLOADS"]]


def test_all_that_osc_can_do_can_be_done_over_the_socket(server: Server, port: int) -> None:
    with listener(port) as ear:
        ear.send("/deck/2/prompt", "dub techno")
        ear.send("/deck/2/mute", True)
        ear.send("/sync", 3)
        assert ear.hear() == Message("/synced", (3,))
        assert server.ask("/deck/2/prompt") == ("dub techno",)
        assert get(port, "/deck/2/mute?VALUE")[1] == {"VALUE": [True]}
        ear.send("/tempo", 7.0)
        error = ear.hear()
        assert error.address == "/error"
        assert "20..400" in str(error.args[1])


def test_a_subscriber_over_the_socket_hears_of_everything(server: Server, port: int) -> None:
    with listener(port) as ear:
        ear.send("/subscribe")
        heard = {ear.hear().address for _ in range(20)}
        assert len(heard) == 20
        ear.send("/unsubscribe")


def test_a_job_is_told_once_to_who_asked_and_listens(server: Server, port: int) -> None:
    with listener(port) as ear:
        for path in ("/clip/accepted", "/clip/done"):
            ear.command("LISTEN", path)
        ear.settle()
        ear.send("/clip/render", "house", 1, 5)
        told: list[str] = []
        while not told or told[-1] != "/clip/done":
            told.append(ear.hear(60).address)
        assert [each for each in told if each != "/clip/progress"] == [
            "/clip/accepted",
            "/clip/done",
        ]


def test_hostile_requests_leave_no_trace(server: Server, port: int) -> None:
    raw(port, b"\0\0\0\0\r\n\r\n")
    get(port, "/%00%ff?%ff")
    with listener(port) as ear:
        ear.connection.send(b"\xff" * 1000)
        ear.connection.send("{" * 1000)
        ear.settle()
    assert server.errors.read_text().count("\n") == 1, "the engine's line, and no other"


def test_what_is_listened_to_is_the_recording_of_the_master(server: Server, port: int) -> None:
    soundfile = pytest.importorskip("soundfile")
    server.send("/deck/1/prompt", "house")
    server.send("/deck/1/play", "none")
    with listener(port, path="/console/listen") as ear:
        ear.connection.recv()
        recorded = soundfile.read(server.record(beats=2), dtype="float64", always_2d=True)[0]
        chunks: list[bytes] = []
        while 480 * len(chunks) < len(recorded) + 48_000:
            chunks.append(ear.connection.recv(decode=False))
    places = [int.from_bytes(each[:8], "little") for each in chunks]
    assert places == list(range(places[0], places[0] + 480 * len(chunks), 480))
    heard = np.frombuffer(b"".join(each[8:] for each in chunks), "<i2").reshape(-1, 2) / 32768.0
    assert np.abs(recorded).max() > 0.01
    begin = int(np.argmax(correlate(heard[:, 0], recorded[:24_000, 0], "valid", "fft")))
    assert np.abs(heard[begin : begin + len(recorded)] - recorded).max() < 0.51 / 32768


def test_the_hostile_are_refused_or_shed_while_it_plays(server: Server, port: int) -> None:
    """All at once; the sound does not notice, and neither does who comes in properly."""
    server.send("/deck/1/play", "none")
    server.play_until(server.position() + 1)
    xruns = server.status()["xruns"]
    with listener(port) as ear, ExitStack() as open_:
        ear.settle()
        wires = [open_.enter_context(dial(port)) for _ in range(200)]
        until(lambda: len(_told(wires)) >= 200 - MAX_CONNECTIONS, "too many were let in")
        assert all(wire.recv(64).startswith(b"HTTP/1.1 503 ") for wire in _told(wires))
        for wire in wires[:50]:
            with suppress(OSError):
                wire.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        server.play_until(server.position() + 2)
        ear.settle()
    for path in ("/", "/console/listen"):
        with pytest.raises(InvalidStatus), listener(port, path=path, origin="http://evil.example"):
            pass
    for frame in (b"x" * 1_000_000, "x" * 1_000_000):
        with listener(port) as ear, pytest.raises(ConnectionClosed):
            hear_after(ear, frame)
    assert raw(port, _HANDSHAKE).startswith(b"HTTP/1.1 400 ")
    server.play_until(server.position() + 2)
    assert server.status()["xruns"] == xruns
    assert get(port, "/deck/1/state?VALUE")[1] == {"VALUE": ["playing"]}
    server.send("/deck/1/stop", "none")


_HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: no\r\n\r\n"
)
"""That is none: its key is too short."""


def dial(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def hear_after(ear: Ear, frame: bytes | str) -> None:
    ear.connection.send(frame)
    ear.connection.recv()


def _told(wires: list[socket.socket]) -> list[socket.socket]:
    """Those that have an answer to what they never asked: the others are still waited for."""
    return select.select(wires, [], [], 0)[0]


def test_a_port_in_use_names_the_port_and_the_flag(port: int) -> None:
    done = sideman("serve", "--output", "null", "--osc", "127.0.0.1:0", "--engine", "groove",
                   "--http", f"127.0.0.1:{port}", "--no-midi")  # fmt: skip
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert f"HTTP port {port}" in done.stderr
    assert "--http" in done.stderr


def test_it_can_be_left_out(tmp_path: Path) -> None:
    with serving(tmp_path, "--no-midi", "--no-http") as it:
        assert " http " not in it.ready
        assert it.stop() == 0
