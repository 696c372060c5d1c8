"""Whether what is to begin together does, and on the sample that a time tag names."""

from __future__ import annotations

import time

from bridge.bench.figures import Figure, Target, Tell
from bridge.bench.listening import RATE, Listened, asking, listened_server, settle
from bridge.bench.plan import Plan
from bridge.osc.packet import encode, encode_bundle
from bridge.osc.sender import Sender
from bridge.time.clock import monotonic_s, to_ntp
from engine.api import Audio

_AHEAD_S = 0.4
_APART_S = 0.25
_APART_SAMPLES = round(_APART_S * RATE)
_PATIENCE_S = 3.0


class _Starts:
    """A tap that notes on which sample each deck's stream begins."""

    def __init__(self, app: Listened) -> None:
        self._decks = app.session.decks
        self.at: dict[int, int] = {}
        app.taps.append(self._look)

    def _look(self, _at: int, _audio: Audio) -> None:
        for number, deck in self._decks.items():
            if number not in self.at and deck.sounding and deck.feed and deck.feed.origin:
                self.at[number] = deck.feed.origin


def measure_sync(plan: Plan, tell: Tell) -> list[Figure]:
    """Decks 1 and 2 start by one bundle, deck 3 by another whose tag is a quarter second later."""
    apart, off, lost = 0, 0, 0
    with listened_server() as app, asking(app) as sender:
        starts = _Starts(app)
        sender.send("/play")
        for number in range(plan.bundles):
            tell(f"time tags, {number + 1} of {plan.bundles}")
            at = _one_round(sender, starts)
            if len(at) < 3:
                lost += 1
                continue
            apart += at[1] != at[2]
            off = max(off, abs(at[3] - at[1] - _APART_SAMPLES), key=abs)
        late = app.late
    note = f"of {plan.bundles}"
    return [
        Figure("bundle of two decks, not on one sample", apart, "", Target("=", 0), note=note),
        Figure("two time tags, worst error", off, "samples", Target("=", 0),
               note=f"{_APART_S:g} s = {_APART_SAMPLES} samples apart"),
        Figure("time tags late or without effect", late + lost, "", Target("=", 0), note=note),
    ]  # fmt: skip


def _one_round(sender: Sender, starts: _Starts) -> dict[int, int]:
    """The samples on which the decks 1, 2 and 3 began."""
    sender.send("/panic")
    settle(sender)
    time.sleep(0.03)  # a deck that is still fading out would not start afresh
    starts.at.clear()
    tag_s = time.time() + _AHEAD_S
    sender.send_packet(_start(tag_s, 1, 2))
    sender.send_packet(_start(tag_s + _APART_S, 3))
    until_s = monotonic_s() + _PATIENCE_S
    while len(starts.at) < 3 and monotonic_s() < until_s:
        time.sleep(0.01)
    return dict(starts.at)


def _start(tag_s: float, *decks: int) -> bytes:
    plays = [encode(f"/deck/{number}/play", ("none",)) for number in decks]
    return encode_bundle(to_ntp(tag_s), plays)
