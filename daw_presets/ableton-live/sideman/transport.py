"""Tempo, start, stop and place, both ways.

Nothing is sent back that was just taken over. If a MIDI clock or Link leads sideman, Live's
transport and sideman's are left to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .link import Link
from .listeners import Listeners

SAME_BPM = 0.005
"""A tempo travels as a 32-bit float, and Live shows two decimals."""


class Transport:
    def __init__(self, song: Any, link: Link) -> None:
        self._song = song
        self._link = link
        self._clock = "internal"
        self._taken_bpm: float | None = None
        self._taken_playing: bool | None = None
        self._theirs = False  # whether sideman plays, as far as it is known
        self._listeners = Listeners()
        self._listeners.add(song, "tempo", self._tempo_changed)
        self._listeners.add(song, "is_playing", self._playing_changed)
        self._listeners.add(song, "signature_numerator", self._tell_signature)
        self._listeners.add(song, "signature_denominator", self._tell_signature)

    def close(self) -> None:
        self._listeners.clear()

    def tell(self) -> None:
        """All of Live's state, to a sideman that has just appeared."""
        self._link.send("/status")  # that it plays already is no news then
        self._tell_signature()
        self._link.send("/tempo", float(self._song.tempo))
        if self._song.is_playing:
            self._tell_playing()

    def tick(self) -> None:
        """Ten times a second: where Live is, if sideman's clock is `osc`."""
        if self._clock == "osc" and self._song.is_playing:
            self._link.send("/position", self._place_beats())

    @property
    def handlers(self) -> dict[str, Callable[..., None]]:
        return {
            "/status": self._take_status,
            "/clock": self._take_clock,
            "/tempo": self._take_tempo,
            "/play": self._take_playing,
        }

    @property
    def _ours(self) -> bool:
        return self._clock in ("internal", "osc")

    def _place_beats(self) -> float:
        return max(0.0, float(self._song.current_song_time))  # the count-in is before 0

    def _tempo_changed(self) -> None:
        bpm = float(self._song.tempo)
        taken, self._taken_bpm = self._taken_bpm, None
        if self._ours and (taken is None or abs(bpm - taken) > SAME_BPM):
            self._link.send("/tempo", bpm)

    def _playing_changed(self) -> None:
        playing = bool(self._song.is_playing)
        taken, self._taken_playing = self._taken_playing, None
        if self._ours and playing != taken:
            self._tell_playing()

    def _tell_playing(self) -> None:
        self._theirs = bool(self._song.is_playing)
        if self._theirs:
            self._link.send("/position", self._place_beats())
            self._link.send("/play")
        else:
            self._link.send("/stop")

    def _tell_signature(self) -> None:
        song = self._song
        self._link.send(
            "/signature", int(song.signature_numerator), int(song.signature_denominator)
        )

    def _take_status(self, *values: Any) -> None:
        self._theirs = bool(values[4])

    def _take_clock(self, source: str) -> None:
        self._clock = source

    def _take_tempo(self, bpm: float) -> None:
        # Over `osc` sideman measures Live's tempo, and telling Live of it would make it drift.
        if self._clock == "internal" and abs(self._song.tempo - bpm) > SAME_BPM:
            self._taken_bpm = bpm
            self._song.tempo = bpm

    def _take_playing(self, on: int) -> None:
        playing = bool(on)
        news, self._theirs = playing != self._theirs, playing
        if not news or not self._ours or playing == bool(self._song.is_playing):
            return
        self._taken_playing = playing
        if playing:
            self._song.start_playing()
        else:
            self._song.stop_playing()
