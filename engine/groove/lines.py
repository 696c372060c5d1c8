"""The players: what each role plays in one bar.

Every choice is drawn by `chance` from the seed, the bar or its phrase, so that a phrase holds
together, and every part adds an ornament that no other of 64 bars has in the same place.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.groove.chance import draw, never_twice, pick
from engine.groove.harmony import Chord, Harmony
from engine.groove.notes import Note
from engine.groove.styles import Part

ACCENTS = {"X": 1.0, "x": 0.8, "o": 0.55, "-": 0.28, "R": 0.95}
_MELODY = (-2, -1, -1, 1, 1, 2, 0, -3, 3, 1, -1)


@dataclass(frozen=True, slots=True)
class Bar:
    """Where and how a bar is played."""

    number: int
    beats: float
    seed: int
    harmony: Harmony
    chords: tuple[tuple[float, Chord], ...]
    following: Chord
    pool: int
    adventure: float
    """0..1: how freely patterns are varied."""
    energy: float
    brightness: int
    sparse: float
    swing: tuple[float, float]

    def chord_at(self, beat: float) -> Chord:
        return next(chord for start, chord in reversed(self.chords) if beat >= start)

    def chord_after(self, beat: float) -> Chord:
        return next((chord for start, chord in self.chords if start > beat), self.following)

    def place(self, step: float) -> float:
        """The beat of a sixteenth, swung."""
        unit, ratio = self.swing
        whole, phase = divmod(step / 4 / unit, 1.0)
        swung = phase * 2 * ratio if phase < 0.5 else ratio + (phase - 0.5) * 2 * (1 - ratio)
        return (whole + swung) * unit

    @property
    def steps(self) -> int:
        return max(1, int(self.beats * 4 + 1e-6))

    def touch(self, what: str, step: int) -> float:
        """A factor that makes a velocity human."""
        return 0.9 + 0.2 * draw(self.seed, what, self.number, step)


def meter(pattern: str, steps: int) -> str:
    """A pattern for 16 steps laid out over a bar of `steps`, beat by beat.

    Three beats are a waltz (one strong, two light), five 3 + 2, six two waltzes, seven 4 + 3.
    """
    if steps == 16:
        return pattern
    whole = -(-steps // 4)
    cells = {3: (0, 1, 1), 5: (0, 1, 1, 2, 3), 6: (0, 1, 1, 2, 3, 3), 7: (0, 1, 2, 3, 2, 1, 3)}
    order = cells.get(whole, tuple(range(4)) * (whole // 4) + tuple(range(whole % 4)))
    return "".join(pattern[4 * cell : 4 * cell + 4] for cell in order)[:steps]


def free_steps(steps: int) -> list[int]:
    """Eight steps for ornaments, off the beat where there are enough."""
    odd = list(range(1, steps, 2))
    even = [step for step in range(2, steps, 2) if step % 4]
    beats = list(range(0, steps, 4))
    found = (odd + even + beats)[:8]
    return [found[i % len(found)] for i in range(8)]


def play_part(bar: Bar, part: Part, index: int) -> list[Note]:
    """The notes of one part. `index` tells two parts of one sound apart."""
    players = {"bass": _bass, "chords": _chords, "pad": _pad, "arp": _arp, "lead": _lead}
    if part.role == "texture":
        return [place_note(bar, part, 0, 0.0, bar.beats, 0.8)]
    return players[part.role](bar, part, index) + _ornament(bar, part, index)


def place_note(
    bar: Bar, part: Part, pitch: int, beat: float, length: float, velocity: float
) -> Note:
    """A note of a part, as bright and lively as the prompt has it."""
    lift = 0.08 * bar.brightness + 0.06 * bar.energy
    velocity = min(1.0, max(0.05, velocity + lift))
    return Note(part.role, part.sound, pitch, beat, length, velocity, part.level_db, part.pan)


def _pattern(bar: Bar, part: Part, index: int) -> str:
    """The pattern of this phrase: the first is home, others come with adventure."""
    phrase = bar.number // 4
    choices = part.patterns[: max(1, bar.pool)]
    home = int(draw(bar.seed, "home", index) * len(choices))
    if draw(bar.seed, "stray", phrase, index) < bar.adventure:
        home = int(draw(bar.seed, "pattern", phrase, index) * len(choices))
    return meter(choices[home], bar.steps)


def _events(bar: Bar, pattern: str) -> list[tuple[int, str, float, float]]:
    """(step, letter, beat, length in beats) of every strike of a pattern."""
    out = []
    for step, letter in enumerate(pattern):
        if letter in ".-":
            continue
        end = step + 1
        while end < len(pattern) and pattern[end] == "-":
            end += 1
        begin = bar.place(step)
        close = bar.beats if end == len(pattern) else bar.place(end)
        out.append((step, letter, begin, (close - begin) * (0.85 if end == step + 1 else 0.97)))
    return out


def near(pitch_class: int, center: int) -> int:
    """The pitch of a class nearest to a centre."""
    return center + (pitch_class - center + 6) % 12 - 6


def _bass(bar: Bar, part: Part, index: int) -> list[Note]:
    out = []
    for step, letter, beat, length in _events(bar, _pattern(bar, part, index)):
        chord = bar.chord_at(beat)
        root = near(chord.root, part.center)
        pitch = root
        if letter == "8":
            pitch = root + 12
        elif letter in "357":
            pitch = root + chord.tone(int(letter))
        elif letter == "a":
            goal = near(bar.chord_after(beat).root, part.center)
            pitch = goal + (-1 if draw(bar.seed, "below", bar.number) < 0.5 else 2)
        strength = 0.6 if letter == "r" else 0.85
        velocity = strength * bar.touch(part.sound, step)
        out.append(place_note(bar, part, pitch, beat, length, velocity))
    return out


def _chords(bar: Bar, part: Part, index: int) -> list[Note]:
    out = []
    phrase = bar.number // 4
    turn = int(draw(bar.seed, "turn", phrase, index) * (1 + min(2, bar.pool - 1) * bar.adventure))
    for step, letter, beat, length in _events(bar, _pattern(bar, part, index)):
        if letter == "o" and draw(bar.seed, "soft", bar.number, step) < bar.sparse:
            continue
        pitches = bar.chord_at(beat).pitches_near(part.center, part.voices, turn)
        velocity = ACCENTS[letter] * bar.touch(part.sound, step)
        out += [place_note(bar, part, pitch, beat, length, velocity) for pitch in pitches]
    return out


def _pad(bar: Bar, part: Part, index: int) -> list[Note]:
    """Held chords; a pad with a rhythm of its own (brass) follows that."""
    if part.patterns != ("x---------------",):
        return _chords(bar, part, index)
    out = []
    starts = [start for start, _ in bar.chords]
    turn = int(draw(bar.seed, "pad turn", bar.number // 8, index) * min(2, bar.pool))
    for (start, chord), end in zip(bar.chords, [*starts[1:], bar.beats], strict=True):
        pitches = chord.pitches_near(part.center, part.voices, turn)
        velocity = 0.65 * bar.touch(part.sound, int(start))
        out += [place_note(bar, part, pitch, start, end - start, velocity) for pitch in pitches]
    return out


def _arp(bar: Bar, part: Part, index: int) -> list[Note]:
    out = []
    for step, letter, beat, length in _events(bar, _pattern(bar, part, index)):
        if draw(bar.seed, "skip", bar.number, step) < 0.1 * bar.adventure + 0.4 * bar.sparse:
            continue
        tones = bar.chord_at(beat).pitches_near(part.center, 4)
        octave, tone = divmod(int(letter), len(tones))
        pitch = tones[tone] + 12 * octave
        velocity = (0.75 if step % 4 == 0 else 0.58) * bar.touch(part.sound, step)
        out.append(place_note(bar, part, pitch, beat, length, velocity))
    return out


def _lead(bar: Bar, part: Part, index: int) -> list[Note]:
    """A motif over two bars, answered in the third, with air in the fourth."""
    place = bar.number % 4
    phrase = bar.number // 4
    if place == 3 and draw(bar.seed, "air", phrase, index) < 0.6:
        return []
    motif = bar.number // 8 if bar.adventure > 0.3 else bar.number // 16
    shape = place % 2 + (2 if place >= 2 and draw(bar.seed, "answer", phrase) < 0.4 else 0)
    rhythm = meter(pick(part.patterns, bar.seed, "rhythm", motif, shape + 8 * index), bar.steps)
    pitch = bar.harmony.scale_near(part.center + 5 * (draw(bar.seed, "start", motif, shape) - 0.5))
    out = []
    for step, _, beat, length in _events(bar, rhythm):
        move = _MELODY[int(draw(bar.seed, "move", motif * 4 + shape, step) * len(_MELODY))]
        pitch = bar.harmony.scale_step(pitch, move)
        pitch += 12 * ((pitch < part.center - 8) - (pitch > part.center + 10))
        sung = pitch
        if step % 4 == 0 or length > 0.6:
            sung = min(bar.chord_at(beat).pitches_near(pitch, 4), key=lambda p: (abs(p - pitch), p))
        out.append(place_note(bar, part, sung, beat, length, 0.75 * bar.touch(part.sound, step)))
    return out


def _ornament(bar: Bar, part: Part, index: int) -> list[Note]:
    """One soft extra note, in a place and on a pitch that 64 bars do not repeat."""
    slot, tone = never_twice(bar.seed, part.sound, bar.number)
    step = free_steps(bar.steps)[slot]
    beat = bar.place(step)
    chord = bar.chord_at(beat)
    if part.role == "bass":
        root = near(chord.root, part.center)
        pitch = root + (0, 12, 7, -5, chord.tone(7), 12, chord.tone(3), 10)[tone] + (tone == 5) * 7
        return [_soft(bar, part, pitch, beat, 0.1 + 0.008 * tone, 0.42)]
    tones = chord.pitches_near(part.center + 5, 4)
    pitch = tones[tone % len(tones)] + 12 * (tone // len(tones))
    pitch = min(pitch, part.center + 24)
    if part.role == "pad" and part.patterns == ("x---------------",):
        return [_soft(bar, part, pitch, beat, (bar.beats - beat) * (1 - 0.03 * tone), 0.3)]
    return [_soft(bar, part, pitch, beat, 0.1 + 0.008 * tone, 0.3)]


def _soft(bar: Bar, part: Part, pitch: int, beat: float, length: float, velocity: float) -> Note:
    return place_note(bar, part, pitch, beat, length, velocity)._replace(ghost=True)
