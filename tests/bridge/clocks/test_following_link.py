"""The transport in an Ableton Link session, without Link and with it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from bridge.clocks.leader import Leader
from bridge.clocks.link import LinkClock
from engine import fake
from engine.errors import BadValue
from tests.bridge.clocks.leading import Host, error_ms
from tests.bridge.rig import RATE, Rig


@dataclass
class FakeSession:
    """A session in which others play already, by a clock of its own."""

    rig: Rig
    bpm: float = 97.0
    playing: bool = False
    proposals: list[float] = field(default_factory=list)
    enabled: bool = False
    startStopSyncEnabled: bool = False  # noqa: N815  as Link has it

    def clock(self) -> Any:
        return self

    def micros(self) -> int:
        return round((self.rig.now_s + 1000.0) * 1e6)

    def captureAppSessionState(self) -> Any:  # noqa: N802
        return self

    def commitAppSessionState(self, state: Any) -> None:  # noqa: N802
        assert state is self

    def beatAtTime(self, us: int, quantum: float) -> float:  # noqa: N802
        return (us / 1e6 - 1000.0) * self.bpm / 60.0 + 3 * quantum

    def tempo(self) -> float:
        return self.bpm

    def isPlaying(self) -> bool:  # noqa: N802
        return self.playing

    def setTempo(self, bpm: float, us: int) -> None:  # noqa: N802
        self.proposals.append(bpm)
        self.bpm = bpm

    def setIsPlaying(self, playing: bool, us: int) -> None:  # noqa: N802
        self.playing = playing

    def host(self) -> Host:
        return Host(0.0, lambda beat: self.bpm)


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig(partial(fake.load, rate=RATE))
    yield rig
    rig.close()


@pytest.fixture
def session(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> FakeSession:
    session = FakeSession(rig)
    link = LinkClock(lambda bpm: session, lambda: rig.now_s)
    monkeypatch.setattr(rig.controls.leader, "_link", link)
    return session


def plays(rig: Rig) -> bool:
    return rig.session.transport.playing


def in_bar_ms(rig: Rig, session: FakeSession) -> float:
    """How far the transport is from the session's place in a bar."""
    bar_ms = 4 * 60_000.0 / session.bpm
    off_ms = error_ms(rig, session.host()) % bar_ms
    return min(off_ms, bar_ms - off_ms)


def test_joining_takes_the_sessions_tempo_and_proposes_none(rig: Rig, session: FakeSession) -> None:
    rig.send("/deck/1/play")
    rig.run(0.7)
    rig.send("/clock", "link")
    rig.run(4.0)
    assert rig.session.transport.bpm == pytest.approx(97.0)
    assert in_bar_ms(rig, session) < 1.0
    assert session.proposals == []
    assert session.enabled


def test_a_tempo_of_ours_is_proposed_to_the_session(rig: Rig, session: FakeSession) -> None:
    rig.send("/clock", "link")
    rig.run(0.5)
    rig.send("/tempo", 111.0)
    rig.run(0.5)
    assert session.proposals == [111.0]
    assert rig.session.transport.bpm == pytest.approx(111.0)


def test_play_waits_for_the_sessions_next_bar(rig: Rig, session: FakeSession) -> None:
    rig.send("/clock", "link")
    rig.run(0.5)
    rig.send("/deck/1/play")
    rig.run(4.0)
    assert rig.session.transport.playing
    feed = rig.session.decks[1].feed
    assert feed is not None
    assert feed.origin is not None
    began_s = rig.conductor.playout.device().time_at(feed.origin)
    assert session.host().beat_at(began_s) % 4 == pytest.approx(0.0, abs=1e-3)
    assert in_bar_ms(rig, session) < 1.0


def test_start_and_stop_are_shared_both_ways(rig: Rig, session: FakeSession) -> None:
    rig.send("/clock", "link")
    rig.run(0.2)
    session.setIsPlaying(True, 0)
    rig.run(3.0)
    assert plays(rig)
    rig.send("/stop")
    rig.run(0.1)
    assert not session.isPlaying()
    assert not plays(rig)
    rig.send("/play")
    rig.run(3.0)
    assert session.isPlaying()
    session.setIsPlaying(False, 0)
    rig.run(0.1)
    assert not plays(rig)


def test_joining_while_we_play_does_not_stop_us(rig: Rig, session: FakeSession) -> None:
    rig.send("/play")
    rig.run(0.5)
    rig.send("/clock", "link")
    rig.run(1.0)
    assert rig.session.transport.playing


def test_leaving_leaves_the_session(rig: Rig, session: FakeSession) -> None:
    rig.send("/clock", "link")
    rig.run(0.2)
    rig.send("/clock", "internal")
    rig.run(0.2)
    assert not session.enabled
    assert rig.session.transport.bpm == pytest.approx(97.0)


def test_without_the_library_nothing_changes_and_the_remedy_is_said(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "link", None)
    rig.bundle([("/clock", ("link",)), ("/grid", ("beat",))])
    rig.run(0.1)
    ((address, message),) = rig.client.answers("/error")
    assert address == "/clock"
    assert "pip install 'sideman[link]'" in str(message)
    assert rig.state.get("/clock") == ("internal",)
    assert rig.session.grid == "bar"
    with pytest.raises(BadValue):
        Leader(rig.session, lambda: 0.0).check("link")


PEER = """
import link, sys, time
peer = link.Link(83.0)
peer.enabled = True
time.sleep(1.0)  # of two sessions that are hardly half a second apart in age, either may win
print("ready", flush=True)
for line in sys.stdin:
    print(peer.captureAppSessionState().tempo(), flush=True)
"""


@pytest.mark.peer
def test_a_real_session_keeps_its_tempo_when_we_join() -> None:
    pytest.importorskip("link", reason="LinkPython is not installed: pip install 'sideman[link]'")
    peer = subprocess.Popen(
        [sys.executable, "-c", PEER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    clock = LinkClock()
    try:
        assert peer.stdin is not None
        assert peer.stdout is not None
        assert peer.stdout.readline() == "ready\n"
        clock.join(120.0)
        if not _found(clock):
            pytest.skip("Link's multicast finds no peer on this machine")
        peer.stdin.write("tempo\n")
        peer.stdin.flush()
        assert float(peer.stdout.readline()) == pytest.approx(83.0, abs=0.01)
        assert clock.read(1e9, 4.0).bpm == pytest.approx(83.0, abs=0.01)
    finally:
        clock.leave()
        peer.communicate()


def _found(clock: LinkClock, deadline_s: float = 10.0) -> bool:
    """Wait until the session is joined: peers say who they are about every quarter second."""
    end_s = time.monotonic() + deadline_s
    while time.monotonic() < end_s:
        if clock._link.numPeers() > 0 and clock._look().bpm != 120.0:
            return True
        time.sleep(0.05)
    return False
