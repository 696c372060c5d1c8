"""Who comes in beyond loopback: with the token, in any of its forms, and nobody else."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from bridge.cli.invitation import can_draw, drawn
from bridge.config import Config
from bridge.web import limits
from bridge.web.limits import Allowance, Flooded, Guesses
from bridge.web.tokens import Door, checked, draw, without_token
from engine.errors import BadValue
from tests.bridge.web.web import Running, get, listener, running

TOKEN = "only-for-us.1"
PATHS = ("/", "/?HOST_INFO", "/tempo?VALUE", "/console/", "/console/script/main.js", "/nowhere")
SOCKETS = ("/", "/console/listen", "/nowhere")


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running("0.0.0.0", token=TOKEN) as it:
        it.state.set("/tempo", 120.0)
        yield it


@pytest.fixture
def guarded() -> Iterator[Running]:
    """One whose guesses no other test has used up."""
    with running("0.0.0.0", token=TOKEN) as it:
        yield it


def with_token(path: str, token: str = TOKEN) -> str:
    return f"{path}{'&' if '?' in path else '?'}token={token}"


def refusal(port: int, path: str) -> int:
    """The status with which a WebSocket is refused."""
    with pytest.raises(InvalidStatus) as refused, listener(port, path=path):
        pass
    return int(refused.value.response.status_code)


@pytest.mark.parametrize("path", PATHS)
def test_without_the_token_nothing_is_answered(server: Running, path: str) -> None:
    status, body, headers = get(server.port, path)
    assert status == 401
    assert body.count("\n") == 1
    assert "link" in body
    assert headers["connection"] == "close"
    assert "set-cookie" not in headers


@pytest.mark.parametrize("path", PATHS[:-1])
def test_with_it_all_is_answered(server: Running, path: str) -> None:
    status, body, _ = get(server.port, with_token(path))
    assert status == 200
    assert body


@pytest.mark.parametrize("path", SOCKETS)
def test_no_socket_is_opened_without_it(server: Running, path: str) -> None:
    assert refusal(server.port, path) == 401
    assert refusal(server.port, with_token(path, "wrong-one")) == 403


def test_a_socket_is_opened_with_it(server: Running) -> None:
    with listener(server.port, path=with_token("/")) as ear:
        ear.settle()


def test_a_foreign_page_with_the_token_is_refused_nevertheless(server: Running) -> None:
    with (
        pytest.raises(InvalidStatus),
        listener(server.port, path=with_token("/"), origin="http://evil.example"),
    ):
        pass


def test_the_first_answer_brings_a_cookie_that_lets_in(server: Running) -> None:
    cookie = get(server.port, with_token("/console/"))[2]["set-cookie"]
    assert f"sideman-{server.port}=" in cookie
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert TOKEN not in cookie
    pair = cookie.partition(";")[0]
    status, _, headers = get(server.port, "/console/script/main.js", Cookie=f"a=b; {pair}")
    assert status == 200
    assert "set-cookie" not in headers
    options = {"additional_headers": {"Cookie": pair}}
    with listener(server.port, **options) as ear:
        ear.settle()


def test_a_browser_at_the_root_comes_to_the_page_with_its_token(server: Running) -> None:
    wire = http.client.HTTPConnection("127.0.0.1", server.port)
    wire.request("GET", with_token("/"), headers={"Accept": "text/html"})
    answer = wire.getresponse()
    assert (answer.status, answer.headers["location"]) == (307, with_token("/console/"))
    assert answer.headers["set-cookie"]
    wire.close()


@pytest.mark.parametrize(
    "query", ["token=", "token=%ff", "token=only-for-us.2", "TOKEN=only-for-us.1", "token",
              "&".join(["token=guess"] * 100)],
)  # fmt: skip
def test_what_is_near_it_is_not_it(guarded: Running, query: str) -> None:
    assert get(guarded.port, f"/?{query}")[0] in (401, 403)


def test_who_guesses_has_to_wait_and_an_old_page_does_not_count(guarded: Running) -> None:
    for _ in range(limits.GUESSES * 3):
        assert get(guarded.port, with_token("/tempo", "of-yesterday"))[0] == 403
    assert get(guarded.port, with_token("/tempo"))[0] == 200
    statuses = [get(guarded.port, with_token("/tempo", f"guess-{n}"))[0] for n in range(12)]
    assert statuses == [403] * 9 + [429] * 3
    status, words, _ = get(guarded.port, with_token("/tempo"))
    assert status == 429
    assert "try again in" in words


def test_guesses_are_forgotten_in_time_and_each_address_has_its_own() -> None:
    now_s = 0.0
    guesses = Guesses(lambda: now_s)
    for n in range(limits.GUESSES):
        assert guesses.wait_s("a") == 0
        guesses.wrong("a", b"%d" % n)
    assert guesses.wait_s("a") == limits.GUESSING_S
    assert guesses.wait_s("b") == 0
    now_s = limits.GUESSING_S
    assert guesses.wait_s("a") == 0
    for n in range(5000):
        guesses.wrong(f"10.0.{n}", b"x")
    assert len(guesses._guessers) < 1000


def test_one_is_drawn_beyond_loopback_and_none_is_needed_on_it() -> None:
    with running("0.0.0.0") as one, running("0.0.0.0") as other:
        assert len(one.token) >= 20
        assert one.token != other.token
        assert one.web
        assert one.web.link.endswith(f":{one.port}/?token={one.token}")
        assert "0.0.0.0" not in one.web.link
    with running() as it:
        assert it.web
        assert it.web.link == f"http://127.0.0.1:{it.port}/"
    with running(token=TOKEN) as it:
        assert get(it.port, "/tempo")[0] == 401, "who gives one wants it asked for"


def test_a_drawn_one_is_a_good_one_and_a_poor_one_is_refused_unsaid() -> None:
    assert checked(draw())
    for poor in ("", "short", "with a space", "with&ampersand", "é" * 9, "x" * 200):
        with pytest.raises(BadValue) as refused:
            checked(poor)
        assert not poor or poor not in str(refused.value)
    with pytest.raises(BadValue, match="5 characters"):
        Config(token="short")


def test_the_query_is_what_it_was_without_it() -> None:
    assert without_token("VALUE&token=x") == without_token("token=x&VALUE") == "VALUE"
    assert without_token("token=x") == without_token("") == ""
    assert without_token("tokens=x") == "tokens=x"


def test_a_door_says_nothing_of_the_token_in_its_words() -> None:
    scope = {"query_string": b"token=wrong-one", "headers": [], "client": ("10.0.0.1", 1)}
    found = Door(TOKEN, 1).refusal(scope)
    assert found is not None
    assert "wrong-one" not in found.words
    assert TOKEN not in found.words


def test_the_link_is_drawn_where_a_terminal_can() -> None:
    picture = drawn("http://192.0.2.7:9741/?token=" + "x" * 22).splitlines()
    assert len({len(row) for row in picture}) == 1
    assert len(picture) < 24, "a terminal of 24 lines shows it whole"
    assert can_draw("utf-8")
    assert not can_draw("ascii")
    assert not can_draw("none-such")


def test_a_hand_is_never_shed_and_a_flood_is() -> None:
    now_s = 0.0
    allowance = Allowance(per_s=100, burst=50, shed=20, monotonic_s=lambda: now_s)
    for n in range(1000):
        now_s = n / 90
        assert allowance.take()
    assert sum(allowance.take() for _ in range(60)) >= 49
    assert allowance.dropped
    while allowance.dropped < 20:
        assert not allowance.take()
    with pytest.raises(Flooded, match="100 messages a second"):
        allowance.take()


def test_a_flooded_socket_is_told_once_and_closed(guarded: Running) -> None:
    with listener(guarded.port, path=with_token("/")) as ear:
        with suppress(ConnectionClosed):
            for _ in range(100_000):
                ear.connection.send(b"/ping\0\0\0,\0\0\0")
        heard = [ear.hear()]
        with pytest.raises(ConnectionClosed) as closed:
            heard.append(ear.hear())
    assert [each.address for each in heard] == ["/error"]
    assert "busy" in str(heard[0].args)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008
    assert guarded.received.qsize() < 10_000
    assert get(guarded.port, with_token("/tempo"))[0] == 200
