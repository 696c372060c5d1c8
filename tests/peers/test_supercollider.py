"""SuperCollider's language plays sideman through the class `Sideman`, with time-tagged bundles
too, and hears what it does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.bench.listening import RATE, asking, listened_server
from engine.api import Audio
from tests.peers.sclang import run_sclang
from tests.serving import Server, serving, until

pytestmark = pytest.mark.peer

APART_S = 0.5

BOUND = """
var sideman = Sideman("127.0.0.1", %d, 0.8);
fork {
    sideman.bind { sideman.deck(1).play("none"); sideman.deck(2).play("none") };
    0.25.wait;
    sideman.latency = 1.05;
    sideman.bind { sideman.deck(3).play("none") };
    0.exit;
};
"""

SESSION = """
var sideman = Sideman("127.0.0.1", %d), wait = { |what| while { what.value.not } { 0.01.wait } };
sideman.on('/deck/4/gain', { |db| "heard %%".format(db).postln });
sideman.onConnected = { |now| "connected %%".format(now).postln };
sideman.connect;
fork {
    wait.({ sideman.connected });
    sideman.tempo = 96;
    sideman.deck(1).prompt = "lofi, dusty drums für Elise";
    sideman.deck(2).prompt("dub techno", 0.75, "deep house", 0.25);
    sideman.sync;
    sideman.slot(7).prompt = "ska";
    sideman.slot(7).launch(3);
    wait.({ sideman.deck(3).prompt == 'ska' });
    wait.({ sideman.deck(4).gain == -6.0 });
    sideman.render("reggae", 999, failed: { |why| "refused: %%".format(why).postln });
    sideman.render("reggae", 1, 5, { |file, seconds, bpm, bars|
        sideman.clips({ |clips| "clips: %%".format(clips).postln; wait = nil });
    });
    while { wait.notNil } { 0.01.wait };
    sideman.disconnect;
    0.exit;
};
"""

FOLLOW = """
var clock = TempoClock(110 / 60, 7), sideman = Sideman("127.0.0.1", %d).connect;
sideman.on('/clock/state', { |state, bpm|
    if(state == 'following' and: { bpm.round == 110 } and: { sideman.at('/status').isNil }) {
        sideman.send("/status");
    }
});
sideman.on('/status', { |... status|
    var there = clock.beats - (sideman.latency * clock.tempo);
    if(absdif(status[5], there) < 0.5) { "it is there".postln; 0.exit } { sideman.send("/status") };
});
sideman.onConnected = { |now|
    if(now) { sideman.deck(1).play; clock.sched(1, { sideman.follow(clock); nil }) }
};
"""


def test_bundles_of_sclang_launch_on_their_samples(tmp_path: Path) -> None:
    begun: dict[int, int] = {}
    with listened_server() as app, asking(app) as sender:

        def look(_at: int, _audio: Audio) -> None:
            for number, deck in app.session.decks.items():
                if deck.sounding and deck.feed and deck.feed.origin:
                    begun.setdefault(number, deck.feed.origin)

        app.taps.append(look)
        sender.send("/play")
        run_sclang(tmp_path, BOUND % app.osc.udp_port)
        until(lambda: len(begun) == 3, f"decks that began: {begun}")
        late = app.late
    assert begun[1] == begun[2]
    assert begun[3] - begun[1] == APART_S * RATE
    assert late == 0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server")) as running:
        yield running


def test_the_class_plays_a_server_and_hears_it(server: Server, tmp_path: Path) -> None:
    server.send("/deck/4/gain", -6)
    posted = run_sclang(tmp_path, SESSION % server.port)
    assert server.ask("/tempo") == (96.0,)
    assert server.ask("/deck/1/prompt") == ("lofi, dusty drums für Elise",)
    assert server.ask("/deck/2/prompt") == ("dub techno", 0.75, "deep house", 0.25)
    (clip,) = server.clips.glob("reggae*.wav")
    assert [line for line in posted if line.startswith("connected")] == [
        "connected true", "connected false"
    ]  # fmt: skip
    assert "heard -6.0" in posted
    assert "refused: bars 999 is out of range 1..64" in posted
    assert f"clips: [ [ {clip.name}, 2.5, 96.0, 1 ] ]" in posted


def test_a_tempo_clock_is_followed_to_its_bar_lines(server: Server, tmp_path: Path) -> None:
    posted = run_sclang(tmp_path, FOLLOW % server.port)
    assert "it is there" in posted
