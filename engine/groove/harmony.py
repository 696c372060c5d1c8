"""Keys, chords and voicings: pure functions of a bar number, in pitch classes and MIDI pitches."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from engine.groove.chance import draw, pick

SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
}
MELODIC: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 7, 9),
    "minor": (0, 3, 5, 7, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "locrian": (0, 3, 5, 6, 10),
    "blues": (0, 3, 5, 6, 7, 10),
}
MODAL: dict[str, tuple[str, ...]] = {
    "dorian": ("i7 IV7 i7 IV7", "i7 ii7 bIII IV7", "i9 i9 IV9 v7"),
    "phrygian": ("i bII i bvii", "i bII bIII bII", "i i bVI bII"),
    "lydian": ("Imaj7 II Imaj7 vii7", "I II I iii", "Imaj7 II vi7 II"),
    "mixolydian": ("I bVII IV I", "I7 bVII I7 v7", "I IV bVII IV"),
    "locrian": ("i bII bVI bII", "i bV bII i", "i bvii bVI bII"),
}
MINOR_FAMILY = ("minor", "dorian", "phrygian", "locrian")

_DEGREES = {"i": 0, "ii": 2, "iii": 4, "iv": 5, "v": 7, "vi": 9, "vii": 11}
_ROMAN = re.compile(r"([b#]?)(iii|ii|iv|i|vii|vi|v|III|II|IV|I|VII|VI|V)(.*)")
_SHAPES: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    # suffix: (after a capital, after a small numeral), in semitones over the root
    "": ((0, 4, 7), (0, 3, 7)),
    "7": ((0, 4, 7, 10), (0, 3, 7, 10)),
    "9": ((0, 4, 7, 10, 14), (0, 3, 7, 10, 14)),
    "11": ((0, 7, 10, 14, 17), (0, 3, 7, 10, 14, 17)),
    "13": ((0, 4, 10, 14, 21), (0, 3, 7, 10, 14, 21)),
    "maj7": ((0, 4, 7, 11), (0, 3, 7, 11)),
    "maj9": ((0, 4, 7, 11, 14), (0, 3, 7, 11, 14)),
    "6": ((0, 4, 7, 9), (0, 3, 7, 9)),
    "69": ((0, 4, 7, 9, 14), (0, 3, 7, 9, 14)),
    "add9": ((0, 4, 7, 14), (0, 3, 7, 14)),
    "sus2": ((0, 2, 7), (0, 2, 7)),
    "sus4": ((0, 5, 7), (0, 5, 7)),
    "5": ((0, 7), (0, 7)),
    "b5": ((0, 4, 6, 10), (0, 3, 6, 10)),
    "dim": ((0, 3, 6, 9), (0, 3, 6, 9)),
    "alt": ((0, 4, 10, 13, 20), (0, 3, 6, 10)),
}
# Which tones a voicing of four keeps first: third, seventh, colour, fifth; the bass has the root.
_IMPORTANCE = {3: 0, 4: 0, 10: 1, 11: 1, 9: 2, 2: 2, 5: 2, 1: 2, 8: 2, 7: 3, 6: 1, 0: 4}


@dataclass(frozen=True, slots=True)
class Chord:
    """`root` is a pitch class 0..11; `tones` are semitones over it."""

    root: int
    tones: tuple[int, ...]

    def tone(self, degree: int) -> int:
        """Semitones from the root to its third, fifth or seventh (3, 5, 7), as the chord has it."""
        wanted = {3: (3, 4, 2, 5, 7), 5: (7, 6, 8), 7: (10, 11, 9, 12)}[degree]
        folded = {t % 12 for t in self.tones}
        return next((t for t in wanted if t in folded), wanted[-1] if degree != 5 else 7)

    def pitches_near(self, center: int, voices: int, turn: int = 0) -> tuple[int, ...]:
        """`voices` MIDI pitches around `center`, ascending; `turn` picks the next nearest.

        Every chord is voiced around one centre, so common tones stay and the others move little.
        """
        folded = sorted({t % 12 for t in self.tones}, key=lambda t: (_IMPORTANCE[t], t))
        kept = sorted((self.root + t) % 12 for t in folded[:voices])
        found = []
        for k in range(len(kept)):
            turned = kept[k:] + [pc + 12 for pc in kept[:k]]
            mean = sum(turned) / len(turned)
            octave = round((center - mean) / 12) * 12
            found.append((abs(mean + octave - center), tuple(p + octave for p in turned)))
        found.sort()
        return found[turn % len(found)][1]


@lru_cache(maxsize=512)
def roman(numeral: str) -> Chord:
    """`bVImaj7` and the like, as a chord over a tonic of 0."""
    match = _ROMAN.fullmatch(numeral)
    if match is None or match[3] not in _SHAPES:
        raise ValueError(f"no such chord: {numeral!r}")
    shift = {"b": -1, "#": 1, "": 0}[match[1]]
    shape = _SHAPES[match[3]][match[2].islower()]
    return Chord((_DEGREES[match[2].lower()] + shift) % 12, shape)


@dataclass(frozen=True, slots=True)
class Harmony:
    """A key and a stock of progressions; the chords of every bar follow from them and the seed.

    A progression is bars separated by spaces, each one chord or two joined by `+`.
    """

    tonic: int
    mode: str
    stock: tuple[str, ...]
    seed: int
    melodic: tuple[int, ...]

    def chords(self, bar: int, pool: int) -> tuple[Chord, ...]:
        """The one or two chords of a bar; a section of eight bars draws its progression."""
        stock = self.stock[: max(1, pool)]
        length = len(self.stock[0].split())
        section = bar // max(8, length)
        chosen = stock[0] if section == 0 else pick(stock, self.seed, "progression", section)
        bars = chosen.split()
        names = bars[bar % len(bars)].split("+")
        return tuple(self._over_tonic(roman(name)) for name in names)

    def _over_tonic(self, chord: Chord) -> Chord:
        return Chord((chord.root + self.tonic) % 12, chord.tones)

    def scale_near(self, pitch: float) -> int:
        """The note of the melodic scale nearest to a MIDI pitch."""
        near = range(int(pitch) - 6, int(pitch) + 7)
        inside = [p for p in near if (p - self.tonic) % 12 in self.melodic]
        return min(inside, key=lambda p: (abs(p - pitch), p))

    def scale_step(self, pitch: int, steps: int) -> int:
        """`steps` notes of the melodic scale up or down from a note of it."""
        direction = 1 if steps > 0 else -1
        for _ in range(abs(steps)):
            pitch += direction
            while (pitch - self.tonic) % 12 not in self.melodic:
                pitch += direction
        return pitch


def make_harmony(
    tonic: int | None, mode: str, stock: tuple[str, ...], seed: int, bluesy: bool
) -> Harmony:
    """A key for a style: the tonic is drawn from the seed where the prompt names none."""
    home = int(draw(seed, "tonic") * 12) if tonic is None else tonic
    melodic = MELODIC["blues" if bluesy and mode in ("minor", "major") else mode]
    return Harmony(home % 12, mode, stock, seed, melodic)
