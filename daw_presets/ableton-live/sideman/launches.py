"""Scenes and clips whose names speak of sideman launch something there.

A scene named `sideman 3` launches scene 3. A clip named `sideman 5` launches slot 5 on deck 1, and
`sideman 5 deck 2` on deck 2. Other words may stand around it: `Chorus - sideman 3`.

It is sent when the clip is pressed, not when it begins, so that sideman's launch grid and Live's
launch quantisation wait for the same bar.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .link import Link
from .listeners import Listeners

_NAME = re.compile(r"\bsideman\s+(\d+)(?:\s+deck\s+(\d+))?", re.IGNORECASE)


class Launches:
    def __init__(self, song: Any, link: Link) -> None:
        self._song = song
        self._link = link
        self._stale = True
        self._pressed: dict[int, int] = {}  # track -> slot that is to begin
        self._lists = Listeners()
        self._lists.add(song, "tracks", self._changed)
        self._lists.add(song, "scenes", self._changed)
        self._rows = Listeners()

    def close(self) -> None:
        self._lists.clear()
        self._rows.clear()

    def tick(self) -> None:
        """Listen to the tracks and scenes that are there now."""
        if not self._stale:
            return
        self._stale = False
        self._rows.clear()
        self._pressed.clear()
        for scene in self._song.scenes:
            self._rows.add(scene, "is_triggered", self._on_scene(scene))
        for number, track in enumerate(self._song.tracks):
            self._rows.add(track, "fired_slot_index", self._on_pressed(number, track))
            self._rows.add(track, "playing_slot_index", self._on_begun(number, track))

    def _changed(self) -> None:
        self._stale = True

    def _on_scene(self, scene: Any) -> Callable[[], None]:
        def triggered() -> None:
            named = _NAME.search(scene.name)
            if scene.is_triggered and named:
                self._link.send(f"/scene/{int(named.group(1))}/launch")

        return triggered

    def _on_pressed(self, number: int, track: Any) -> Callable[[], None]:
        def pressed() -> None:
            index = track.fired_slot_index
            if index >= 0:
                self._pressed[number] = index
                self._launch(track, index)

        return pressed

    def _on_begun(self, number: int, track: Any) -> Callable[[], None]:
        """Without launch quantisation a clip may begin before it was seen to be pressed."""

        def begun() -> None:
            index = track.playing_slot_index
            if index >= 0 and self._pressed.pop(number, None) != index:
                self._launch(track, index)

        return begun

    def _launch(self, track: Any, index: int) -> None:
        slot = track.clip_slots[index]
        named = _NAME.search(slot.clip.name) if slot.has_clip else None
        if named:
            slot_number, deck = named.groups()
            decks = [int(deck)] if deck else []
            self._link.send(f"/slot/{int(slot_number)}/launch", *decks)
