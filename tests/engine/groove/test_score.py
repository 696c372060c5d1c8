from __future__ import annotations

from fractions import Fraction

import pytest

from engine.groove.catalogue_played import STYLES
from engine.groove.harmony import SCALES, roman
from engine.groove.notes import Note
from engine.groove.score import harmony_of
from engine.groove.timbres import TONES
from engine.groove.words import INSTRUMENTS
from engine.groove.words import STYLES as STYLE_WORDS
from tests.engine.groove.playing import layer

NAMES = sorted(STYLE_WORDS)


def as_written(notes: tuple[Note, ...]) -> tuple[tuple[object, ...], ...]:
    """A bar as one would write it down: loudness aside."""
    return tuple((n.part, n.sound, n.pitch, round(n.beat, 6), round(n.length, 6)) for n in notes)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("more", ["", ", no drums", ", drums only", ", bass only", ", minimal"])
@pytest.mark.parametrize("temperature", [0.05, 0.85])
def test_64_bars_never_repeat(name: str, more: str, temperature: float) -> None:
    music = layer(STYLE_WORDS[name][0] + more, seed=3, temperature=temperature)
    bars = [as_written(music.bar(number, 4.0)) for number in range(-8, 56)]
    assert all(bars)
    assert len(set(bars)) == 64


@pytest.mark.parametrize("beats", [1.0, 2.0, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 9.0])
@pytest.mark.parametrize("name", NAMES)
def test_notes_lie_inside_their_bar(name: str, beats: float) -> None:
    music = layer(STYLE_WORDS[name][0])
    for number in range(9):
        for note in music.bar(number, beats):
            assert 0 <= note.beat < beats
            assert note.beat + note.length <= beats + 1e-9
            assert 0 < note.velocity <= 1


def test_any_order_gives_the_same_bars() -> None:
    forward, backward = layer("jazz", 5), layer("jazz", 5)
    there = [forward.bar(n, 4.0) for n in range(20)]
    back = [backward.bar(n, 4.0) for n in reversed(range(20))]
    assert there == back[::-1]


def test_seed_and_style_make_other_music() -> None:
    assert as_written(layer("jazz", 1).bar(0, 4.0)) != as_written(layer("jazz", 2).bar(0, 4.0))
    first = {as_written(layer(words[0]).bar(0, 4.0)) for words in STYLE_WORDS.values()}
    assert len(first) == len(STYLE_WORDS)


def test_straight_styles_lie_on_the_grid() -> None:
    for note in layer("techno, drums only").bar(2, 4.0):
        assert Fraction(note.beat).limit_denominator(64) * 4 % 1 == 0
        assert note.beat == round(note.beat * 4) / 4


def test_swing_is_part_of_the_grid() -> None:
    style = STYLES["jazz"]
    unit, ratio = style.swing
    late = {note.beat % unit for note in layer("jazz, drums only").bar(0, 4.0)}
    assert any(abs(beat - ratio * unit) < 1e-9 for beat in late)
    assert 0.5 not in late


def test_a_named_key_is_kept() -> None:
    scale = {(9 + step) % 12 for step in SCALES["minor"]}
    music = layer("synthwave in A minor, no drums")
    pitches = [note.pitch % 12 for bar in range(16) for note in music.bar(bar, 4.0)]
    inside = sum(pitch in scale for pitch in pitches)
    assert harmony_of("synthwave in A minor", 0).tonic == 9
    assert inside > 0.95 * len(pitches)


def strays(temperature: float, top_k: int) -> int:
    """In how many of 64 bars the bass leaves its usual rhythm, ornaments aside."""
    music = layer("funk, bass only", 7, temperature, top_k)
    rhythms = [tuple(n.beat for n in music.bar(b, 4.0) if not n.ghost) for b in range(64)]
    return 64 - max(rhythms.count(rhythm) for rhythm in rhythms)


def test_temperature_is_adventure() -> None:
    assert strays(0.05, 250) < strays(2.0, 250)


def test_top_k_is_the_pool() -> None:
    assert strays(2.0, 1) < strays(2.0, 250)


def test_minimal_and_energetic_prompts() -> None:
    def notes(text: str) -> int:
        return sum(len(layer(text).bar(bar, 4.0)) for bar in range(16))

    assert notes("techno, minimal") < notes("techno, energetic")


@pytest.mark.parametrize("name", NAMES)
def test_a_style_names_only_what_exists(name: str) -> None:
    style = STYLES[name]
    assert all(part.sound in TONES for part in style.parts)
    for progression in style.major + style.minor:
        for bar in progression.split():
            assert all(roman(chord).tones for chord in bar.split("+"))
    for patterns in style.grooves.values():
        assert all(len(pattern) == 16 for pattern in patterns)
    for part in style.parts:
        assert all(len(pattern) == 16 for pattern in part.patterns)
    assert all(len(pattern) == 8 for fill in style.fills for pattern in fill.values())


def test_instrument_words_name_sounds() -> None:
    for role, sound in INSTRUMENTS.values():
        assert role == "drums" or not sound or sound in TONES
