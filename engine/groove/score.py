"""The score: any bar of a layer, written from (prompt, seed, bar number, length) alone.

Nothing is carried from bar to bar, so music can be opened anywhere, rewound and written again. A
note's place is in beats from its bar line and its sound begins exactly there.
"""

from __future__ import annotations

from typing import NamedTuple

from engine.groove.arrange import Band, make_band
from engine.groove.chance import draw
from engine.groove.drummer import play_drums
from engine.groove.harmony import (
    MINOR_FAMILY,
    MODAL,
    Chord,
    Harmony,
    make_harmony,
)
from engine.groove.lines import Bar, play_part
from engine.groove.notes import Note
from engine.groove.prompt import Reading, read
from engine.groove.rests import fill, tie
from engine.groove.styles import GENERIC_MAJOR, GENERIC_MINOR, Part

KEPT_BARS = 64


class Manner(NamedTuple):
    """How a layer is played: the numbers of a steering that the score reads."""

    seed: int
    temperature: float
    top_k: int
    guidance: float


class HarmonyPlan(NamedTuple):
    """The harmony of a bar: `before` up to bar `switch`, `after` from there on."""

    before: Harmony
    after: Harmony
    switch: int

    def at(self, bar: int) -> Harmony:
        return self.after if bar >= self.switch else self.before


def harmony_of(text: str, seed: int) -> Harmony:
    """The key and progressions that a prompt would choose alone."""
    reading = read(text)
    band = make_band(reading)
    style = band.style
    mode = reading.mode or style.mode
    if mode in MODAL and reading.mode:
        stock = MODAL[mode]
    else:
        stock = style.minor if mode in MINOR_FAMILY else style.major
    stock = stock or (GENERIC_MINOR if mode in MINOR_FAMILY else GENERIC_MAJOR)
    turn = int(draw(seed, "stock") * len(stock))
    return make_harmony(reading.tonic, mode, stock[turn:] + stock[:turn], seed, style.bluesy)


class Layer:
    """One prompt's music. Immutable but for a cache of the bars last written."""

    def __init__(self, text: str, manner: Manner, plan: HarmonyPlan) -> None:
        self.text = text
        self.manner = manner
        self.plan = plan
        self.reading: Reading = read(text)
        self.band: Band = make_band(self.reading)
        self._bars: dict[tuple[int, float], tuple[Note, ...]] = {}
        self._plain: dict[tuple[int, float], tuple[Note, ...]] = {}
        self._filled: dict[tuple[int, float], tuple[Note, ...]] = {}

    def forget(self) -> None:
        """Free the bars, which can be written again."""
        for kept in (self._bars, self._plain, self._filled):
            kept.clear()

    def bar(self, number: int, beats: float) -> tuple[Note, ...]:
        """The notes of a bar of `beats`, echoes of earlier bars included, in playing order."""
        key = (number, beats)
        if key not in self._bars:
            _bound(self._bars)
            self._bars[key] = self._with_echoes(number, beats)
        return self._bars[key]

    def _with_echoes(self, number: int, beats: float) -> tuple[Note, ...]:
        notes = list(self._written(number, beats))
        delays = {part.sound: part.echo for part in self.band.parts if part.echo}
        if delays:
            reach = max(delay * count for delay, _, count in delays.values())
            for back in range(int(reach // beats) + 2):
                for note in self._written(number - back, beats):
                    if note.sound in delays and not note.ghost:
                        notes += _echoes(note, delays[note.sound], back * beats, beats)
        tied = tie(notes, beats, lambda: self._first_beat(number + 1, beats))
        return tuple(sorted(tied, key=lambda note: (note.beat, note.part, note.pitch)))

    @property
    def _has_drummer(self) -> bool:
        return self.band.drums and self.band.pieces is None

    def _first_beat(self, number: int, beats: float) -> float:
        if self._has_drummer:  # not worth writing the next bar: it begins soon
            return 0.0
        notes = self._written(number, beats)
        return min((note.beat for note in notes if not note.ghost), default=beats)

    def _written(self, number: int, beats: float) -> tuple[Note, ...]:
        """A bar without echoes. Without a drummer its players fill what would be silence."""
        if self._has_drummer:
            return self._played(number, beats)
        key = (number, beats)
        if key not in self._filled:
            _bound(self._filled)
            notes, before = self._played(number, beats), self._played(number - 1, beats)
            parts = [part for _, part in self._playing(number)]
            self._filled[key] = notes + fill(self._frame(number, beats), parts, notes, before)
        return self._filled[key]

    def _played(self, number: int, beats: float) -> tuple[Note, ...]:
        key = (number, beats)
        if key not in self._plain:
            _bound(self._plain)
            self._plain[key] = self._write(number, beats)
        return self._plain[key]

    def _write(self, number: int, beats: float) -> tuple[Note, ...]:
        bar = self._frame(number, beats)
        notes: list[Note] = play_drums(bar, self.band) if self.band.drums else []
        for index, part in self._playing(number):
            notes += play_part(bar, part, index)
        return tuple(notes)

    def _playing(self, number: int) -> list[tuple[int, Part]]:
        parts = enumerate(self.band.parts)
        return [(i, part) for i, part in parts if self._plays(i, part, number)]

    def _frame(self, number: int, beats: float) -> Bar:
        harmony = self.plan.at(number)
        pool = 1 + min(7, self.manner.top_k // 32)
        chords = harmony.chords(number, pool)
        following = harmony.chords(number + 1, pool)[0]
        adventure = min(1.0, max(0.0, self.manner.temperature / 1.7))
        adventure *= min(1.0, 1.4 - 0.12 * self.manner.guidance)
        energy = self.reading.energy
        return Bar(
            number,
            beats,
            self.manner.seed,
            harmony,
            _spread(chords, beats),
            following,
            pool,
            adventure,
            energy,
            self.reading.brightness,
            self.reading.sparse,
            self.band.style.swing,
        )

    def _plays(self, index: int, part: Part, number: int) -> bool:
        """Parts come and go by phrases of four bars; the first two are there all along, but for
        sparse prompts, which keep the first."""
        if index == 0:
            return True
        sparse, energy = self.reading.sparse, self.reading.energy
        if index < 2 and part.density >= 1.0 and sparse < 0.5:
            return True
        phrase = number // 4
        swell = (0.75, 0.95, 0.85, 1.15, 0.9, 1.1, 0.8, 1.3)[phrase % 8]
        chance = part.density * swell * (1.0 + 0.3 * energy) * (1.0 - 0.7 * sparse)
        if self.manner.guidance > 6:
            chance *= 1.15
        return draw(self.manner.seed, part.sound, index, phrase) < chance


def _spread(chords: tuple[Chord, ...], beats: float) -> tuple[tuple[float, Chord], ...]:
    """Chords with the beats they begin at; a second one at the middle beat of the bar."""
    if len(chords) == 1 or beats < 2:
        return ((0.0, chords[0]),)
    return ((0.0, chords[0]), (float(int(beats + 1) // 2), chords[1]))


def _echoes(note: Note, echo: tuple[float, float, int], offset: float, beats: float) -> list[Note]:
    """The repeats of a note, written `offset` beats ago, that fall into a bar of `beats`."""
    delay, gain, count = echo
    out = []
    for k in range(1, count + 1):
        beat = note.beat - offset + k * delay
        if 0 <= beat < beats:
            length = min(note.length, delay, beats - beat)
            velocity = note.velocity * gain**k
            out.append(note._replace(beat=beat, velocity=velocity, length=length, ghost=True))
    return out


def _bound(bars: dict[tuple[int, float], tuple[Note, ...]]) -> None:
    while len(bars) >= KEPT_BARS:
        del bars[next(iter(bars))]
