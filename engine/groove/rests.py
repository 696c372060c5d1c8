"""What becomes of rests that nobody fills: players who are left alone pedal, tie and strike more.

Rests inside a band are music; with one player left they would be silence. Where no other note
covers it, a rest is shortened by holding the notes before it (`tie`), and without drums a tone that
has died away is struck again, as a left hand would (`fill`). Both read the written notes alone, so
they depend on no tempo: one second of ringing counts as one beat, as it is at 60 BPM.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.groove.chance import draw
from engine.groove.instruments import ring_s
from engine.groove.lines import Bar, near, place_note
from engine.groove.notes import Note
from engine.groove.styles import Part

HELD_BEATS = 2.0
"""How long a held tone is tied without being played again."""
DRUM_BEATS = 0.3
"""How long a drum fills the room."""
HOLE_BEATS = 0.25
"""Shorter rests are not filled."""
REST_BEATS = 0.1
"""Nobody holds a note through shorter ones."""
TIE_OVER_BEATS = 1.0
"""How far a note is tied into the next bar at most."""
_AUDIBLE = 0.9
"""The share of a dying tone that is loud enough to count."""


def fill(
    bar: Bar, parts: Sequence[Part], notes: Sequence[Note], before: Sequence[Note]
) -> tuple[Note, ...]:
    """Strikes for the holes in a bar's `notes`, by the player who rings longest.

    `before` is what the bar before has without its own.
    """
    pitched = [part for part in parts if part.role != "texture"]
    if not pitched:
        return ()
    part = max(pitched, key=lambda part: _ring_beats(part.sound, part.center))
    events = sorted((note.beat, _covered(note)) for note in notes if note.part != "texture")
    reach = max((_covered(note) for note in before), default=0.0) - bar.beats
    reach = min(reach, TIE_OVER_BEATS)
    out: list[Note] = []
    last = -1.0
    for onset, end in [*events, (bar.beats, bar.beats)]:
        while onset - reach > HOLE_BEATS:
            beat = _place(bar, last, reach, onset)
            if beat is None:
                break
            struck = _strike(bar, part, beat, onset - beat)
            out += struck
            last, reach = beat, max(reach, *(_covered(note) for note in struck))
        last, reach = onset, max(reach, end)
    return tuple(out)


def tie(notes: Sequence[Note], beats: float, following: Callable[[], float]) -> list[Note]:
    """The notes of a bar of `beats`, those before a rest of everybody held `until` its end.

    `following` gives the beat of the next bar at which its first note begins, ornaments aside.
    """
    out = list(notes)
    order = sorted(range(len(out)), key=lambda i: out[i].beat)
    reach = 0.0
    chord: list[int] = []
    for i in order:
        note = out[i]
        if note.part == "texture":
            continue
        if note.beat - reach > REST_BEATS:
            _hold(out, chord, note.beat)
        reach = max(reach, note.beat + (note.length or DRUM_BEATS))
        if note.length and not note.ghost:
            same = bool(chord) and out[chord[0]].beat == note.beat
            chord = [*chord, i] if same else [i]
    if chord:
        first = beats + min(following(), TIE_OVER_BEATS)
        if first - reach > REST_BEATS:
            _hold(out, chord, first)
    return out


def _hold(notes: list[Note], chord: Sequence[int], until: float) -> None:
    for i in chord:
        notes[i] = notes[i]._replace(until=until)


def _covered(note: Note) -> float:
    """The beat up to which a note can be heard, if it is tied."""
    if note.part == "drums":
        return note.beat + DRUM_BEATS
    ring = _ring_beats(note.sound, note.pitch)
    if ring_s(note.sound, note.pitch) is None:
        ring = max(ring, note.length)
    return note.beat + (min(ring, note.length) if note.ghost else ring)


def _ring_beats(sound: str, pitch: int) -> float:
    ring = ring_s(sound, pitch)
    return HELD_BEATS if ring is None else ring * _AUDIBLE


def _place(bar: Bar, last: float, reach: float, onset: float) -> float | None:
    """Where to strike between `last` and `onset`: on a beat that is not later than `reach`."""
    eighths = [bar.place(step) for step in range(0, bar.steps, 2)]
    free = [beat for beat in eighths if last < beat < onset - HOLE_BEATS / 2]
    soon = [beat for beat in free if beat <= reach + 1e-6]
    on_beat = [beat for beat in soon if beat % 1.0 == 0]
    found = on_beat or soon or free[:1]
    return found[-1] if found else None


def _strike(bar: Bar, part: Part, beat: float, length: float) -> list[Note]:
    """What a player adds alone: a root and a shell of the chord, or one note of it."""
    chord = bar.chord_at(beat)
    tones = chord.pitches_near(part.center, part.voices)
    if part.role == "bass":
        pitches: tuple[int, ...] = (near(chord.root, part.center),)
    elif part.role == "chords":
        pitches = (near(chord.root, part.center - 14), *chord.pitches_near(part.center - 5, 2))
    elif part.role == "pad":
        pitches = tones
    else:
        pitches = (tones[int(draw(bar.seed, "alone", bar.number, int(beat)) * len(tones))],)
    velocity = 0.55 * bar.touch(part.sound, int(beat * 4))
    return [place_note(bar, part, pitch, beat, length * 0.97, velocity) for pitch in pitches]
