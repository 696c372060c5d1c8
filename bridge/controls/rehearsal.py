"""Whether a batch can be carried out whole, asked before any of it is done.

The table has checked types and ranges; this checks what depends on the state of the session. A
rehearsal goes through the requests in their order, so that what one of them stores a later one
may launch.

Threading: the conductor's thread.
"""

from __future__ import annotations

from collections.abc import Callable

from bridge.clocks.leader import Leader
from bridge.controls.call import Clips, whole
from bridge.decks.recall import bars_to_hold, deck_bars, master_bars
from bridge.decks.settings import is_something, prompts_of
from bridge.decks.words import key_of
from bridge.session import Session
from bridge.table import Request
from engine.errors import BadValue


class Rehearsal:
    """One batch's. `check` raises BadValue at the first request that would be refused."""

    def __init__(self, session: Session, clips: Clips, leader: Leader) -> None:
        self._session = session
        self._clips = clips
        self._leader = leader
        self._source = leader.source
        self._slots = set(session.slots)
        self._scenes = set(session.scenes)

    def check(self, request: Request) -> None:
        rule = _RULES.get(request.row.path)
        if rule is not None and not request.reads:
            rule(self, request)

    def _prompt(self, request: Request) -> None:
        prompts_of(request.values)

    def _slot_stored(self, request: Request) -> None:
        if is_something(prompts_of(request.values)):
            self._slots.add(request.index)
        else:
            self._slots.discard(request.index)

    def _slot_launched(self, request: Request) -> None:
        slot, number = request.index, whole((*request.values, 1)[0])
        if slot not in self._slots:
            raise BadValue(f"slot {slot} is empty: store a prompt with /slot/{slot}/prompt first")
        if number not in self._session.decks:
            last = len(self._session.decks)
            raise BadValue(f"there is no deck {number}: decks go from 1 to {last}")

    def _scene_stored(self, request: Request) -> None:
        self._scenes.add(request.index)

    def _scene_launched(self, request: Request) -> None:
        scene = request.index
        if scene not in self._scenes:
            raise BadValue(f"scene {scene} is empty: store one with /scene/{scene}/store first")

    def _signature(self, request: Request) -> None:
        denominator = whole(request.values[1])
        if denominator & (denominator - 1):
            raise BadValue(f"denominator {denominator} is none of 1 2 4 8 16 32")

    def _clock(self, request: Request) -> None:
        source = str(request.values[0])
        self._leader.check(source)
        self._source = source

    def _led(self, request: Request) -> None:
        refusal = self._leader.refusal(self._source, request.row.path)
        if refusal:
            raise BadValue(refusal)

    def _continued(self, request: Request) -> None:
        engine = self._session.launcher.engine
        if engine is None:
            raise BadValue("the engine is being restarted; try again in a moment")
        if not engine.info.continues:
            raise BadValue(
                f"{engine.info.name} cannot go on from a recording: serve --engine musicgen"
            )
        self._clips.find(str(request.values[0]))

    def _held(self, request: Request) -> None:
        bars, held = whole((*request.values, 1)[0]), self._session.decks[request.index].held
        if held is None or (request.values and bars != held.bars):
            bars_to_hold(self._session, request.index, bars)

    def _captured(self, request: Request) -> None:
        bars = whole(request.values[0])
        if request.index:
            deck_bars(self._session, request.index, bars)
        else:
            master_bars(self._session, bars)

    def _key(self, request: Request) -> None:
        key_of(str(request.values[0]))

    def _cancelled(self, request: Request) -> None:
        job = whole(request.values[0])
        if not self._clips.runs(job):
            raise BadValue(f"there is no clip job {job} to cancel: it ended, or never was")


_RULES: dict[str, Callable[[Rehearsal, Request], None]] = {
    "/deck/N/prompt": Rehearsal._prompt,
    "/slot/N/prompt": Rehearsal._slot_stored,
    "/slot/N/launch": Rehearsal._slot_launched,
    "/scene/N/store": Rehearsal._scene_stored,
    "/scene/N/launch": Rehearsal._scene_launched,
    "/deck/N/continue": Rehearsal._continued,
    "/deck/N/hold": Rehearsal._held,
    "/deck/N/capture": Rehearsal._captured,
    "/master/capture": Rehearsal._captured,
    "/key": Rehearsal._key,
    "/signature": Rehearsal._signature,
    "/clock": Rehearsal._clock,
    "/tempo": Rehearsal._led,
    "/tempo/raw": Rehearsal._led,
    "/tempo/tap": Rehearsal._led,
    "/position": Rehearsal._led,
    "/clip/cancel": Rehearsal._cancelled,
}
