"""The WebSocket: values that are listened to, OSC that is sent in, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from bridge.osc.packet import Message
from bridge.web import client as web_client
from tests.bridge.web.web import DEADLINE_S, Ear, Running, get, listener, running


def close_code(ear: Ear, frame: Any, *, text: bool | None = None) -> int:
    """With which the server ends the connection on being sent `frame`."""
    try:
        ear.connection.send(frame, text=text)
        ear.connection.recv(DEADLINE_S)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 0
    raise AssertionError("it was taken")


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running() as it:
        yield it


def test_what_is_listened_to_comes_now_and_at_every_change(server: Running) -> None:
    server.state.set("/tempo", 111.0)
    with listener(server.port) as ear:
        ear.command("LISTEN", "/tempo")
        assert ear.hear() == Message("/tempo", (111.0,))
        server.state.set("/grid", "beat")
        server.state.set("/tempo", 112.0)
        assert ear.hear() == Message("/tempo", (112.0,))


def test_what_is_ignored_comes_no_more(server: Running) -> None:
    with listener(server.port) as ear:
        for path in ("/deck/1/gain", "/deck/2/gain"):
            ear.command("LISTEN", path)
        ear.command("IGNORE", "/deck/1/gain")
        ear.settle()
        server.state.set("/deck/1/gain", -3.0)
        server.state.set("/deck/2/gain", -4.0)
        assert ear.hear() == Message("/deck/2/gain", (-4.0,))


def test_events_can_be_listened_to(server: Running) -> None:
    with listener(server.port) as ear:
        ear.command("LISTEN", "/beat/str")
        ear.settle()
        server.feedback.event("/late", "/deck/1/play", 3.0)
        server.feedback.event("/beat/str", "1.2")
        assert ear.hear() == Message("/beat/str", ("1.2",))


def test_a_switch_is_told_as_its_type_promises(server: Running) -> None:
    server.state.set("/deck/1/mute", 1)
    with listener(server.port) as ear:
        ear.command("LISTEN", "/deck/1/mute")
        assert ear.hear().args == (True,)


def test_osc_that_is_sent_in_is_taken_and_answered(server: Running) -> None:
    with listener(server.port) as ear:
        ear.send("/deck/1/prompt", "dub techno", 0.5)
        packet, client = server.received.get(timeout=DEADLINE_S)
        assert packet == Message("/deck/1/prompt", ("dub techno", 0.5))
        assert client.name.startswith("websocket 127.0.0.1:")
        client.send("/pong", 7)
        assert ear.hear() == Message("/pong", (7,))


def test_who_sets_a_value_is_not_told_it_at_once_and_others_are(server: Running) -> None:
    with listener(server.port) as setter, listener(server.port) as other:
        for ear in (setter, other):
            ear.command("LISTEN", "/deck/1/level")
            ear.settle()
        setter.send("/deck/1/level", 0.25)
        _, client = server.received.get(timeout=DEADLINE_S)
        server.feedback.touched(client, "/deck/1/level")
        server.state.set("/deck/1/level", 0.25)
        server.feedback.event("/error", "not listened to", "")
        assert other.hear() == Message("/deck/1/level", (0.25,))
        setter.command("LISTEN", "/nothing/there")
        assert setter.hear().address == "/error", "what comes first is not its own value"


def test_a_flood_of_changes_is_thinned_and_ends_with_the_last(server: Running) -> None:
    with listener(server.port) as ear:
        ear.command("LISTEN", "/position")
        ear.settle()
        for i in range(1, 5001):
            server.state.set("/position", float(i))
        heard = [ear.hear().args[0]]
        while heard[-1] != 5000.0:
            heard.append(ear.hear().args[0])
    assert len(heard) < 500
    assert heard == sorted(heard)  # type: ignore[type-var]


def test_who_has_left_is_not_told_any_more(server: Running) -> None:
    with listener(server.port) as ear:
        ear.command("LISTEN", "/tempo")
        ear.settle()
        assert [c.name for c in server.feedback.clients if c.name.startswith("websocket")]
    with listener(server.port) as ear:  # its own end is seen first, the loop being one
        ear.settle()
        assert not [c for c in server.feedback.clients if c.name.startswith("websocket")]


@pytest.mark.parametrize(
    "text",
    ["", "LISTEN", "[]", "null", "3", "{}", '{"COMMAND": "LISTEN"}', "[" * 30_000,
     '{"COMMAND": "LISTEN", "DATA": 3}', '{"COMMAND": "EXPLODE", "DATA": "/tempo"}',
     '{"COMMAND": "LISTEN", "DATA": "/nowhere"}', '{"COMMAND": "LISTEN", "DATA": "/deck"}',
     '{"COMMAND": ["LISTEN"], "DATA": "/tempo"}', '{"COMMAND": "IGNORE", "DATA": "\\ud800"}'],
)  # fmt: skip
def test_what_is_no_command_is_told_so(server: Running, text: str) -> None:
    with listener(server.port) as ear:
        ear.connection.send(text)
        error = ear.hear()
        assert error.address == "/error"
        assert "\n" not in str(error.args[1])
        ear.settle()


@pytest.mark.parametrize("packet", [b"", b"/", b"tempo\0\0\0", b"/tempo\0\0,f\0\0", b"#bundle\0"])
def test_what_is_no_osc_is_told_so(server: Running, packet: bytes) -> None:
    with listener(server.port) as ear:
        ear.connection.send(packet)
        assert ear.hear().address == "/error"
        ear.settle()


@pytest.mark.parametrize(
    ("frame", "code"),
    [("x" * 65_537, 1009), (b"x" * 65_537, 1009), (["x" * 40_000] * 2, 1009)],
    ids=["text", "binary", "in parts"],
)
def test_a_message_that_is_too_large_ends_the_connection(
    server: Running, frame: Any, code: int
) -> None:
    with listener(server.port, max_size=None) as ear:
        assert close_code(ear, frame) == code


def test_text_that_is_no_utf8_ends_the_connection(server: Running) -> None:
    with listener(server.port) as ear:
        assert close_code(ear, b"\xff\xfe", text=True) == 1007


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "file://", "http://localhost:1"])
def test_a_page_of_another_site_may_not_open_it(server: Running, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused, listener(server.port, origin=origin):
        pass
    assert refused.value.response.status_code == 403


def test_a_page_of_its_own_may(server: Running) -> None:
    with listener(server.port, origin=f"http://127.0.0.1:{server.port}") as ear:
        ear.settle()


def test_it_is_only_at_the_root(server: Running) -> None:
    with pytest.raises(InvalidStatus), connect(f"ws://127.0.0.1:{server.port}/deck/1"):
        pass


def test_an_error_inside_is_answered_and_the_socket_lives(
    server: Running, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listener(server.port) as ear:
        monkeypatch.setattr(server, "failure", RuntimeError("broken"))
        ear.send("/tempo", 1.0)
        assert "internal error" in str(ear.hear().args)
        ear.settle()
    assert "broken" in caplog.text


def test_one_that_does_not_read_is_dropped_and_others_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(web_client, "MAX_BACKLOG_BYTES", 10_000)
    with running() as it, listener(it.port) as other:
        with listener(it.port, max_queue=1) as deaf:
            deaf.send("/ping")
            _, client = it.received.get(timeout=DEADLINE_S)
            noise = "x" * 4000
            while not client.gone:
                client.send("/pong", noise)
            with suppress(ConnectionClosed):
                while deaf.hear().address == "/pong":
                    pass
        client.send("/pong", "it may be called still")
        other.command("LISTEN", "/tempo")
        it.state.set("/tempo", 77.0)
        assert other.hear() == Message("/tempo", (77.0,))
        assert get(it.port, "/tempo?VALUE")[1] == {"VALUE": [77.0]}


def test_one_that_does_not_read_does_not_hold_up_the_end() -> None:
    with running() as it, listener(it.port, max_queue=1) as deaf:
        deaf.send("/ping")
        _, client = it.received.get(timeout=DEADLINE_S)
        while not client.gone:
            client.send("/pong", "x" * 4000)
        assert it.web is not None
        it.web.close()
        client.send("/pong", "it may be called still")


def test_many_commands_at_once_are_all_taken(server: Running) -> None:
    with listener(server.port) as ear:
        for n in range(1, 129):
            ear.connection.send(json.dumps({"COMMAND": "LISTEN", "DATA": f"/slot/{n}/prompt"}))
        ear.settle()
        server.state.set("/slot/128/prompt", "last")
        assert ear.hear() == Message("/slot/128/prompt", ("last",))
