"""OSCQuery over HTTP: what is answered, and with which status."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from bridge.osc.server import PortUnavailable
from bridge.state import State
from bridge.web import listener as web_listener
from bridge.web.service import Web
from engine.errors import BadValue
from tests.bridge.web.web import OSC, STUDIO, Running, get, listener, raw, running


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running() as it:
        yield it


def test_a_node_comes_with_all_below_it(server: Running) -> None:
    status, root, headers = get(server.port, "/")
    assert status == 200
    assert headers["content-type"] == "application/json"
    assert root["CONTENTS"]["deck"]["CONTENTS"]["2"]["CONTENTS"]["gain"]["TYPE"] == "f"
    assert "3" not in root["CONTENTS"]["deck"]["CONTENTS"]
    status, deck, _ = get(server.port, "/deck/2")
    assert deck == root["CONTENTS"]["deck"]["CONTENTS"]["2"]


def test_a_value_is_the_one_of_this_moment(server: Running) -> None:
    for bpm in (98.5, 140.0):
        server.state.set("/tempo", bpm)
        assert get(server.port, "/tempo?VALUE")[:2] == (200, {"VALUE": [bpm]})
        assert get(server.port, "/tempo")[1]["VALUE"] == [bpm]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/deck/9", 404),
        ("/deck/9?VALUE", 404),
        ("/deck/1/", 404),
        ("//", 404),
        ("/deck/*/gain", 404),
        ("/%ff%00", 404),
        ("/..%2f..%2fetc/passwd", 404),
        ("/tempo?COLOUR", 400),
        ("/tempo?VALUE&RANGE", 400),
        ("/tempo?HTML", 400),
        ("/tempo?value", 400),
        ("/play?VALUE", 204),
        ("/clip/done?VALUE", 204),
        ("/deck?TYPE", 204),
        ("/key?RANGE", 204),
        ("/grid?CONTENTS", 204),
        ("/grid?RANGE", 200),
        ("/grid?", 200),
        ("/deck/1/prompt?OVERLOADS", 200),
        ("/version?VALUE", 200),
    ],
)
def test_statuses(server: Running, path: str, status: int) -> None:
    got, body, headers = get(server.port, path)
    assert got == status
    assert (body is None) == (status == 204)
    if status in (400, 404):
        assert list(body) == ["ERROR"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_not_allowed(server: Running, method: str) -> None:
    answer = raw(
        server.port,
        f"{method} /tempo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode(),
    )
    assert answer.startswith(b"HTTP/1.1 405 ")
    assert b"GET" in answer.partition(b"allow: ")[2].partition(b"\r\n")[0]


def test_host_info_is_told_at_every_path(server: Running) -> None:
    for path in ("/?HOST_INFO", "/tempo?HOST_INFO", "/nowhere?HOST_INFO"):
        status, info, _ = get(server.port, path)
        assert status == 200
        assert (info["OSC_IP"], info["OSC_PORT"], info["OSC_TRANSPORT"]) == (*OSC, "UDP")
        assert (info["WS_IP"], info["WS_PORT"]) == ("127.0.0.1", server.port)
        assert info["NAME"] == "sideman"
        assert info["EXTENSIONS"]["LISTEN"] is True


@pytest.mark.parametrize(
    "name", ["localhost", "127.0.0.1", "127.0.0.1:80", "[::1]:9741", "LocalHost"]
)
def test_it_answers_to_names_of_this_machine(server: Running, name: str) -> None:
    assert get(server.port, "/tempo", Host=name)[0] == 200


@pytest.mark.parametrize(
    "name",
    ["evil.example", "localhost.evil.example", "192.168.0.7", "evil.example@localhost",
     "localhost/", "localhost:x", "[::1", "127.0.0.1#", "a b"],
)  # fmt: skip
def test_a_foreign_name_is_refused(server: Running, name: str) -> None:
    status, body, _ = get(server.port, "/tempo", Host=name)
    assert status == 403
    assert body.count("\n") == 1


def test_a_request_without_a_host_is_refused(server: Running) -> None:
    assert b" 403 " in raw(server.port, b"GET / HTTP/1.0\r\n\r\n").partition(b"\r\n")[0]


@pytest.mark.parametrize(
    "request_",
    [
        b"\0\1\2\3\r\n\r\n",
        b"GET / HTTP\r\n\r\n",
        b"GET /" + b"a" * 2_000_000,
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 2_000_000,
    ],
)
def test_what_is_no_request_is_refused_and_forgotten(server: Running, request_: bytes) -> None:
    try:
        answer = raw(server.port, request_)
    except ConnectionError:  # closed while we were still sending
        answer = b""
    assert not answer or answer.startswith(b"HTTP/1.1 4")
    assert get(server.port, "/tempo")[0] == 200


def test_beyond_loopback_figures_and_own_names_are_answered_to() -> None:
    with running("0.0.0.0") as it:
        for name in ("192.168.0.7:9741", "localhost", socket.gethostname()):
            assert get(it.port, f"/tempo?token={it.token}", Host=name)[0] == 200
        assert get(it.port, f"/tempo?token={it.token}", Host="evil.example")[0] == 403


def test_an_unspecified_address_is_told_as_the_one_that_was_reached() -> None:
    with running("0.0.0.0") as it:
        assert it.web is not None
        it.web._osc = lambda: ("0.0.0.0", 9740)
        info = get(it.port, f"/?HOST_INFO&token={it.token}")[1]
        assert (info["OSC_IP"], info["WS_IP"]) == ("127.0.0.1", "127.0.0.1")


def test_a_port_in_use_is_named_with_the_flag(server: Running) -> None:
    other: Any = Web(
        ("127.0.0.1", server.port), False, lambda: OSC, None, State(), None, None, print, STUDIO  # type: ignore[arg-type]
    )  # fmt: skip
    with pytest.raises(PortUnavailable, match=rf"HTTP port {server.port} .*--http HOST:PORT"):
        other.start()
    other.close()
    with pytest.raises(BadValue, match="70000"):
        Web(
            ("127.0.0.1", 70000), False, lambda: OSC, None, State(), None, None, print, STUDIO  # type: ignore[arg-type]
        ).start()  # fmt: skip


def test_its_port_is_free_once_it_is_closed() -> None:
    with running() as it, listener(it.port) as ear:
        port = it.port
        assert it.web is not None
        it.web.close()
        assert ear.connection.recv_bufsize  # the socket was open until then
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_it_can_be_closed_as_soon_as_it_is_started() -> None:
    for _ in range(3):
        with running():
            pass


def test_too_many_connections_are_shed_and_the_rest_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_listener, "MAX_CONNECTIONS", 4)
    with running() as it:
        with listener(it.port), listener(it.port) as ear:
            idle = [socket.create_connection(("127.0.0.1", it.port)) for _ in range(2)]
            assert raw(it.port, b"").startswith(b"HTTP/1.1 503 ")
            ear.settle()
            for each in idle:
                each.close()
        status = 503
        while status == 503:
            status = get(it.port, "/tempo")[0]
        assert status == 200


def test_who_never_asks_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_listener, "PATIENCE_S", 0.05)
    with running() as it, listener(it.port) as ear:
        assert raw(it.port, b"GET / HTTP/1.1\r\nHo") == b""
        ear.settle()
