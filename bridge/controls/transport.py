"""`/play`, `/tempo` and the rest of the transport."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bridge.clocks.leader import Leader
from bridge.controls.call import Call, Handlers, whole
from bridge.decks.words import key_of
from bridge.session import Session
from bridge.state import State
from bridge.time.tap import TapTempo


def handlers(
    session: Session, leader: Leader, state: State, monotonic: Callable[[], float]
) -> Handlers:
    tap = TapTempo()

    def tap_tempo(call: Call) -> None:
        bpm = tap.tap(monotonic())
        if bpm is not None:
            leader.set_tempo(call.at, bpm)

    def clock(call: Call) -> None:
        leader.choose(call.first())
        state.set("/clock", leader.source)

    def signature(call: Call) -> None:
        session.set_signature(call.at, *map(whole, call.values))

    def grid(call: Call) -> None:
        session.grid = call.first()

    def words(call: Call) -> None:
        on = bool(call.first(not session.words.on))
        session.set_words(replace(session.words, on=on))

    return {
        "/panic": lambda c: session.panic(),
        "/tempo": lambda c: leader.set_tempo(c.at, c.first()),
        "/tempo/raw": lambda c: leader.set_tempo(c.at, c.first()),
        "/tempo/tap": tap_tempo,
        "/play": lambda c: leader.play(c.at),
        "/stop": lambda c: leader.stop(),
        "/continue": lambda c: leader.play(c.at, resume=True, address="/continue"),
        "/position": lambda c: leader.locate(c.at, c.first()),
        "/signature": signature,
        "/clock": clock,
        "/clock/state": lambda c: c.answer(c.address, *leader.shown()),
        "/grid": grid,
        "/key": lambda c: session.set_words(replace(session.words, key=key_of(c.first()))),
        "/prompt/words": words,
    }
