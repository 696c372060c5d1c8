"""`/deck/N/...`, `/slot/N/...` and `/scene/N/...`."""

from __future__ import annotations

from bridge.controls.call import Call, Handler, Handlers, Later, Services
from bridge.decks.recall import deck_bars, hold
from bridge.decks.settings import draw_seed, gain_db_of, prompts_of
from bridge.session import Session
from engine.api import Recording
from engine.errors import SidemanError

_FIELDS = {
    "temperature": "temperature",
    "top_k": "top_k",
    "guidance": "guidance",
    "morph": "morph_beats",
    "gain": "gain_db",
}
"""Addresses that set one field of a deck's settings to the value that came."""


def handlers(session: Session, services: Services, later: Later) -> Handlers:
    s = session
    plain = {f"/deck/N/{name}": _setter(s, field) for name, field in _FIELDS.items()}
    return plain | {
        "/deck/N/prompt": _prompt(s),
        "/deck/N/play": lambda c: s.play_deck(c.at, c.n, c.first(), c.address),
        "/deck/N/stop": lambda c: s.stop_deck(c.at, c.n, c.first(), c.address),
        "/deck/N/state": lambda c: c.answer(c.address, s.state_of(s.decks[c.n])),
        "/deck/N/level": lambda c: s.set_deck(c.n, gain_db=gain_db_of(c.first())),
        "/deck/N/mute": _switch(s, "mute"),
        "/deck/N/solo": _switch(s, "solo"),
        "/deck/N/warp": _switch(s, "warp"),
        "/deck/N/lock": lambda c: c.answer(c.address, s.decks[c.n].lock),
        "/deck/N/seed": _seed(s),
        "/deck/N/reset": lambda c: s.reset_deck(c.at, c.n, c.address),
        "/deck/N/hold": lambda c: hold(s, c.n, c.first()),
        "/deck/N/capture": lambda c: _capture(s, services, c),
        "/deck/N/continue": _continue(s, services, later),
        "/slot/N/prompt": lambda c: s.store_slot(c.n, prompts_of(c.values)),
        "/slot/N/launch": lambda c: s.launch_slot(c.at, c.n, c.first(1), c.address),
        "/scene/N/store": lambda c: s.store_scene(c.n),
        "/scene/N/launch": lambda c: s.launch_scene(c.at, c.n, c.address),
    }


def _setter(session: Session, field: str) -> Handler:
    return lambda c: session.change_deck(c.at, c.n, c.address, **{field: c.first()})


def _prompt(session: Session) -> Handler:
    return lambda c: session.change_deck(c.at, c.n, c.address, prompts=prompts_of(c.values))


def _switch(session: Session, field: str) -> Handler:
    def switch(call: Call) -> None:
        now = bool(getattr(session.decks[call.n].settings, field))
        session.set_deck(call.n, **{field: bool(call.first(not now))})

    return switch


def _seed(session: Session) -> Handler:
    def seed(call: Call) -> None:
        drawn = call.first() < 0
        number = draw_seed() if drawn else call.first()
        session.change_deck(call.at, call.n, call.address, seed=number)
        if drawn:
            call.answer(call.address, number)

    return seed


def _capture(session: Session, services: Services, call: Call) -> None:
    services.clips.capture(deck_bars(session, call.n, call.first()), call.client)


def _continue(session: Session, services: Services, later: Later) -> Handler:
    def begin(call: Call, recording: Recording | SidemanError) -> None:
        session.reading -= 1
        if isinstance(recording, SidemanError):
            call.answer("/error", call.address, str(recording))
        else:
            session.continue_deck(call.at, call.n, recording, call.address)

    def continue_(call: Call) -> None:
        services.clips.read(call.first(), lambda got: later(lambda: begin(call, got)))
        session.reading += 1  # not if too many are read already, which raises

    return continue_
