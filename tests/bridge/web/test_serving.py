"""`sideman serve` with its HTTP server, driven over OSC, HTTP and the WebSocket at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.addresses import Table
from bridge.osc.packet import Message
from tests.bridge.web.web import get, listener, raw
from tests.serving import Server, serving, sideman


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
