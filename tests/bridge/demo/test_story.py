"""The demo's story and the client that tells it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from bridge.demo.client import Player
from bridge.demo.events import Event, parse
from bridge.demo.report import line_of
from bridge.demo.story import BARS, CUES, LOOPS, OPENING, PASSAGES, START
from bridge.osc.sender import NoServer, Sender
from bridge.row import Value
from bridge.table import Table

Message = tuple[str, tuple[Value, ...]]


class Server(Sender):
    """Instead of a socket: remembers what is sent, and says what it was told to."""

    def __init__(self, says: list[Message]) -> None:
        self.sent: list[Message] = []
        self._says = says

    def send(self, address: str, *args: Value) -> None:
        self.sent.append((address, args))

    def replies(self, wait_s: float) -> Iterator[Message]:
        while self._says:
            yield self._says.pop(0)


def beats(*skipped: str) -> list[Message]:
    places = [f"{bar}.{beat}" for bar in range(1, BARS + 2) for beat in range(1, 5)]
    return [("/beat/str", (place,)) for place in places if place not in skipped]


FILES: list[Message] = [
    *(("/clip/done", (i, f"{i}.wav", 7.7, 124.0, 4)) for i in range(len(LOOPS))),
    ("/record/done", ("master.wav", 30.0)),
]
SYNCED: Message = ("/synced", (1,))


def test_every_message_is_one_that_the_server_takes() -> None:
    table = Table()
    for cue in (*OPENING, START, *CUES):
        assert table.resolve(cue.address, cue.args)


def test_cues_stand_in_order_and_passages_within_the_story() -> None:
    assert [cue.place for cue in CUES] == sorted(cue.place for cue in CUES)
    for passage in PASSAGES:
        assert (1, 1) < passage.first < passage.end <= (BARS + 1, 1)
        bars, since = passage.end[0] - passage.first[0], passage.end[1] - passage.first[1]
        assert passage.beats == 4 * bars + since


def test_each_cue_is_sent_on_its_beat(capsys: pytest.CaptureFixture[str]) -> None:
    server = Server([SYNCED, *beats(), *FILES])
    Player(server).run()
    asked = [("/subscribe", ()), *((c.address, c.args) for c in OPENING), ("/sync", (1,))]
    told = [(c.address, c.args) for c in (START, *CUES)]
    assert server.sent == [*asked, *told, ("/unsubscribe", ())]
    events = [parse(line) for line in capsys.readouterr().out.splitlines()]
    sent = [event for event in events if event.kind == "sent"]
    assert [(e.address, e.place) for e in sent[len(OPENING) + 1 :]] == [
        (cue.address, "{}.{}".format(*cue.place)) for cue in CUES
    ]
    assert sum(event.address == "/clip/done" for event in events) == len(LOOPS)


def test_a_beat_that_is_lost_delays_its_cues_to_the_next() -> None:
    server = Server([SYNCED, *beats("8.3", "9.1"), *FILES])
    Player(server).run()
    assert [a for a, _ in server.sent if a == "/tempo"] == ["/tempo"] * 2
    assert ("/deck/2/morph", (8.0,)) in server.sent


def test_a_server_that_goes_silent_is_an_error() -> None:
    with pytest.raises(NoServer, match="not done after"):
        Player(Server([SYNCED, *beats()])).run()


def test_events_cross_the_pipe_unchanged() -> None:
    event = Event("sent", 12.25, "8.3", "/deck/1/prompt", ("naïve \n house", 1.5, 2), "x", "sound")
    line = event.line()
    assert line.isascii()
    assert "\n" not in line
    assert json.loads(line)["place"] == "8.3"
    assert parse(line) == event


def test_lines_show_what_is_sent_and_what_comes_of_it() -> None:
    sent = Event("sent", 0.0, "8.3", "/tempo", (132.0,), "in mid-bar")
    assert line_of(sent) == "bar 8.3   -> /tempo 132   (in mid-bar)"
    prompt = Event("sent", 0.0, "", "/deck/1/prompt", ("lofi hip hop",))
    assert line_of(prompt) == '          -> /deck/1/prompt "lofi hip hop"'
    assert line_of(Event("heard", 0.0, "5.1", "/beat/str", ("5.1",))) == ""
    assert "<- /error /x unknown" in line_of(
        Event("heard", 0.0, "5.1", "/error", ("/x", "unknown"))
    )


def test_the_client_knows_nothing_but_osc() -> None:
    code = (
        "import sys, bridge.demo.client as c; "
        "sys.exit(any(m in sys.modules for m in ('numpy', 'bridge.app', 'engine.api')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
