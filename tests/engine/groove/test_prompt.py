from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.groove.arrange import make_band
from engine.groove.catalogue_played import STYLES
from engine.groove.prompt import READ_CHARACTERS, read
from engine.groove.words import STYLES as STYLE_WORDS
from tests.engine.groove.playing import open_stream, play


@pytest.mark.parametrize(
    ("text", "style"),
    [
        ("lofi hip hop", "lofi"),
        ("Chillhop beats to study to", "lofi"),
        ("boom bap", "hiphop"),
        ("Deep House", "house"),
        ("dark TECHNO", "techno"),
        ("dnb", "dnb"),
        ("jungle, fast", "dnb"),
        ("drum and bass", "dnb"),
        ("trap", "trap"),
        ("funk", "funk"),
        ("indie rock", "rock"),
        ("bebop", "jazz"),
        ("reggae", "reggae"),
        ("outrun 80s", "synthwave"),
        ("8-bit", "chiptune"),
        ("epic cinematic score", "orchestral"),
        ("ambient", "ambient"),
        ("bossa nova", "bossa"),
        ("dub reggae", "dub"),
        ("blues", "blues"),
        ("heavy metal", "metal"),
        ("disco", "disco"),
        ("ambient techno", "techno"),
        ("funky house", "house"),
        ("no jazz, house", "house"),
        ("no kick house", "house"),
        ("techno with jazz chords", "techno"),
    ],
)
def test_style_words(text: str, style: str) -> None:
    assert read(text).style == style


def test_every_style_has_words_and_every_word_a_style() -> None:
    assert set(STYLE_WORDS) == set(STYLES)
    assert len(STYLES) >= 14


@pytest.mark.parametrize(
    ("text", "tonic", "mode"),
    [
        ("house in A minor", 9, "minor"),
        ("F# major jazz", 6, "major"),
        ("strings in D dorian", 2, "dorian"),
        ("Bb major reggae", 10, "major"),
        ("techno in C", 0, ""),
        ("F#m trance", 6, "minor"),
        ("blues in b flat", 10, ""),
        ("house in a club with a minor problem", None, "minor"),
        ("lydian ambient", None, "lydian"),
        ("sad piano", None, "minor"),
        ("happy piano", None, "major"),
        ("house", None, ""),
    ],
)
def test_keys(text: str, tonic: int | None, mode: str) -> None:
    reading = read(text)
    assert (reading.tonic, reading.mode) == (tonic, mode)


def roles(text: str) -> set[str]:
    band = make_band(read(text))
    return {part.role for part in band.parts} | ({"drums"} if band.drums else set())


def sounds(text: str) -> set[str]:
    return {part.sound for part in make_band(read(text)).parts}


def test_words_that_remove() -> None:
    assert "drums" in roles("house")
    assert "drums" not in roles("house, no drums")
    assert "bass" not in roles("house without bass")
    assert not roles("jazz without drums or bass") & {"drums", "bass"}
    assert "guitar" not in sounds("country, no guitar")
    assert not make_band(read("house, no kick")).hits("kick")
    assert make_band(read("house, no kick")).hits("hat")


def test_words_that_solo() -> None:
    assert sounds("lofi, piano only") == {"piano"}
    assert roles("only piano") == {"chords"}
    assert roles("solo bass") == {"bass"}
    assert roles("techno, drums only") == {"drums"}
    assert roles("just piano and drums") == {"chords", "drums"}
    band = make_band(read("techno, kick only"))
    assert band.drums
    assert band.hits("kick")
    assert not band.hits("hat")


def test_words_that_add() -> None:
    assert "strings" in sounds("techno with strings")
    assert "reed" in sounds("lofi with sax")
    assert "drums" in roles("ambient with drums")
    assert "drums" not in roles("ambient")
    assert roles("house, acapella vocals") == roles("house")


def test_nothing_left_is_still_something() -> None:
    assert roles("house, no drums, no bass, no chords, no pad, no arp, no lead")


def test_tempo_words() -> None:
    assert read("house 90 bpm").bpm == 90
    assert read("house at 127.5bpm").bpm == 127.5
    assert read("house 9999 bpm").bpm is None
    assert read("route 66 house").bpm is None


def test_only_the_beginning_counts() -> None:
    assert read("x" * READ_CHARACTERS + " house") == read("y" * READ_CHARACTERS)


@given(st.text(max_size=600))
def test_any_text_is_read(text: str) -> None:
    assert read(text).style in STYLES
    assert make_band(read(text)) is not None


@pytest.mark.parametrize(
    "text",
    ["", " ", "🎹🥁", "\x00\x1b[31m", "(a+)+$" * 50, "no " * 200, "a" * 100_000, "only only"],
)
def test_any_text_plays(text: str) -> None:
    assert abs(play(open_stream(text), 48_000)).max() > 0.01
