"""A picture as the bytes that a page is sent: little-endian, in the order of the lines below.

    f64 sample at the ear, u8 whether the transport plays, u8 anchors, u8 bands, u8 decks
    f64 sample of the last stop, f64 beat of a bar's begin, f64 beats per bar, i32 its number
    each anchor: f64 sample, f64 beat, f64 BPM
    master: f32 peak left, peak right, RMS left, RMS right; u8 each band
    each deck: u8 number, u8 flags (1 sounds, 2 holds), f32 headroom in seconds, f64 end of what is
      made; f32 levels as the master's; columns heard, then columns ahead: f64 number of the first,
      u16 how many, i8 lowest and i8 highest of each

A page is sent only the columns that changed since the last frame it was sent, so a frame that was
left out is made up for by the next.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bridge.lookout import DeckSight, Sight
from bridge.web.look.columns import Columns
from bridge.web.look.picture import AHEAD_S, BEHIND_S, Picture

SOUNDS, HOLDS = 1, 2

_HEAD = struct.Struct("<dBBBBdddi")
_ANCHOR = struct.Struct("<ddd")
_LEVELS = struct.Struct("<ffff")
_DECK = struct.Struct("<BBfd")
_COLUMNS = struct.Struct("<dH")

Levels = NDArray[np.float32]


def frame(
    picture: Picture, sight: Sight, at_s: float, since: int, decks: Sequence[int], peaks: Levels
) -> bytes:
    """What there is to see at monotonic second `at_s`, for one who was last shown the tick `since`
    and wants these decks; `peaks` are the highest since then, `[2 + 2 * decks]`."""
    ear = sight.device.sample_at(at_s) - sight.latency_samples
    shown = [place for place, number in enumerate(picture.numbers) if number in decks]
    anchors, meter = sight.anchors, sight.meter
    parts = [
        _HEAD.pack(
            ear, sight.playing, len(anchors), len(picture.bands), len(shown),
            sight.stopped, meter.beat, meter.beats_per_bar, meter.bar,
        ),
        *(_ANCHOR.pack(a.sample, a.beat, a.bpm) for a in anchors),
        _levels(picture, peaks, 0),
        picture.bands,
    ]  # fmt: skip
    for place in shown:
        parts += _deck(picture, sight.decks[place], _levels(picture, peaks, place + 1))
        parts += _waveforms(picture, place, int(ear), since)
    return b"".join(parts)


def _deck(picture: Picture, deck: DeckSight, levels: bytes) -> tuple[bytes, bytes]:
    flags = SOUNDS * deck.sounding | HOLDS * deck.held
    headroom_s = deck.headroom_samples / picture.rate
    return _DECK.pack(deck.number, flags, headroom_s, deck.end), levels


def _waveforms(picture: Picture, place: int, ear: int, since: int) -> tuple[bytes, ...]:
    column, per_s = ear // picture.grain, picture.rate / picture.grain
    first, end = column - round(BEHIND_S * per_s), column + round(AHEAD_S * per_s)
    return (
        *_columns(*picture.heard.strips[place].since(since, first, end)),
        *_columns(*picture.ahead[place].since(since, first, end)),
    )


def _columns(first: int, columns: Columns) -> tuple[bytes, bytes]:
    return _COLUMNS.pack(first, len(columns)), columns.tobytes()


def _levels(picture: Picture, peaks: Levels, place: int) -> bytes:
    return _LEVELS.pack(*peaks[2 * place : 2 * place + 2], *picture.rms[2 * place : 2 * place + 2])
