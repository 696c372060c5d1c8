"""Reads a prompt: which style, which instruments, key, mood and tempo its words name.

Any text at all is read and none raises. Only the first `READ_CHARACTERS` count, which also bounds
what reading costs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from engine.groove import words

READ_CHARACTERS = 500
DEFAULT_STYLE = "hiphop"
CALM_STYLE = "ambient"
LIVELY_STYLE = "disco"
LONGEST_PHRASE = 4

_TOKEN = re.compile(r"\d*[a-z&']+|\d+|[,.;:|/]")
_BPM = re.compile(
    r"\b(\d{2,3}(?:\.\d{1,3})?) ?(?:bpm|beats per minute)\b|\b(?:tempo|bpm) ?(\d{2,3})\b"
)
_MODE = r"(major|minor|maj|min|dorian|phrygian|lydian|mixolydian|locrian|aeolian|ionian)"
_SIGN = r"(#|♯| ?sharp|b|♭| ?flat|)"
_KEY = re.compile(rf"(?<![A-Za-z0-9])([A-Ga-g]){_SIGN}[ -]?{_MODE}(?![A-Za-z])", re.I)
_KEY_ALONE = re.compile(r"\b(?:in|key of) ([A-G])(#|♯|b|♭|)(m?)(?![A-Za-z0-9#'])")
_KEY_SHORT = re.compile(r"(?<![A-Za-z0-9])([A-G])(#|♯|b|♭|)m(?![A-Za-z0-9'])")
_KEY_SIGNED = re.compile(
    r"(?<![A-Za-z0-9])(?:([A-G])(#|♯|b|♭)|([A-Ga-g])( sharp| flat))(?![a-z0-9])"
)
_MODE_ALONE = re.compile(rf"\b{_MODE}\b")
_MODES = {"maj": "major", "min": "minor", "aeolian": "minor", "ionian": "major"}
_NOTES = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_SIGNS = {"#": 1, "♯": 1, "sharp": 1, "b": -1, "♭": -1, "flat": -1, "": 0}

_BREAKS = frozenset(",.;:|/")
_JOINS = frozenset(("and", "or", "&", "the", "a", "any", "some", "more"))
_WITHOUT = frozenset(("no", "without", "minus", "remove", "not", "sans", "mute", "lose"))
_ONLY = frozenset(("only", "just", "solo", "unaccompanied"))
_WITH = frozenset(("with", "plus", "add", "featuring", "over", "feat"))

_Parts = tuple[tuple[str, str], ...]

_STYLE_OF = {phrase: name for name, phrases in words.STYLES.items() for phrase in phrases}


@dataclass(frozen=True, slots=True)
class Reading:
    """What a prompt says. Instruments are pairs (role, sound); an empty sound leaves it open."""

    style: str = DEFAULT_STYLE
    tonic: int | None = None
    mode: str = ""
    energy: float = 0.0
    brightness: int = 0
    sparse: float = 0.0
    bpm: float | None = None
    only: tuple[tuple[str, str], ...] = ()
    without: tuple[tuple[str, str], ...] = ()
    added: tuple[tuple[str, str], ...] = ()


def read(text: str) -> Reading:
    """`text` read by its words; the same text gives the same reading."""
    return _read(text[:READ_CHARACTERS])


@lru_cache(maxsize=256)
def _read(text: str) -> Reading:
    lower = text.lower()
    found = _phrases(lower.replace("-", " "))
    tonic, mode = _key(text)
    energy, brightness, sparse, mood_mode = _mood(found)
    only, without, added = _instruments(found)
    style = _style(found)
    if not style and not without and _stands_alone(added):
        only, added = added, ()
    return Reading(
        style=style or _default(energy),
        tonic=tonic,
        mode=mode or mood_mode,
        energy=energy,
        brightness=brightness,
        sparse=sparse,
        bpm=_bpm(lower),
        only=only,
        without=without,
        added=added,
    )


def _phrases(lower: str) -> list[str]:
    """Tokens, the longest known phrases joined to one each."""
    tokens = _TOKEN.findall(lower)
    out, i = [], 0
    while i < len(tokens):
        for n in range(LONGEST_PHRASE, 0, -1):
            phrase = " ".join(tokens[i : i + n])
            if n == 1 or phrase in _STYLE_OF or phrase in words.INSTRUMENTS:
                out.append(phrase)
                i += len(tokens[i : i + n])
                break
    return out


def _style(found: list[str]) -> str:
    """The last style of the first clause that names one: `dark acid techno with jazz piano`.

    Empty if none is named.
    """
    flavour = ""
    clause = ""
    negated = False
    for phrase in [*found, ","]:
        if phrase in _BREAKS or phrase in _WITH:
            if clause:
                return clause
            negated = False
        elif phrase in _WITHOUT:
            negated = True
        elif phrase in words.INSTRUMENTS:
            negated = False
        elif phrase in _STYLE_OF and not negated:
            if phrase in words.FLAVOURS:
                flavour = flavour or _STYLE_OF[phrase]
            else:
                clause = _STYLE_OF[phrase]
    return flavour


def _default(energy: float) -> str:
    """The style of a prompt that names none."""
    return CALM_STYLE if energy < -0.35 else LIVELY_STYLE if energy > 0.5 else DEFAULT_STYLE


def _stands_alone(added: _Parts) -> bool:
    """`piano and strings` is all that is asked for; a melody or a bass alone would be bare."""
    return bool(added) and all(sound and role in ("chords", "pad", "arp") for role, sound in added)


def _key(text: str) -> tuple[int | None, str]:
    """Pitch class and mode, each only if it is named."""
    match = _KEY.search(text)
    # `a minor setback`: the article, unless the key is announced or capital.
    if match and not (match[1] == "a" and not match[2] and not _announced(text, match.start())):
        mode = match[3].lower()
        return _tonic(match[1], match[2]), _MODES.get(mode, mode)
    short = _KEY_SHORT.search(text)
    if short:
        return _tonic(short[1], short[2]), "minor"
    alone = _KEY_ALONE.search(text)
    if alone:
        return _tonic(alone[1], alone[2]), "minor" if alone[3] else ""
    signed = _KEY_SIGNED.search(text)
    if signed:
        return _tonic(signed[1] or signed[3], signed[2] or signed[4]), ""
    mode_match = _MODE_ALONE.search(text.lower())
    return None, _MODES.get(mode_match[1], mode_match[1]) if mode_match else ""


def _announced(text: str, start: int) -> bool:
    before = text[max(0, start - 8) : start].lower().rstrip()
    return before == "" or before.endswith((" in", "key of", ",")) or before == "in"


def _tonic(letter: str, sign: str) -> int:
    return (_NOTES[letter.lower()] + _SIGNS[sign.strip().lower()]) % 12


def _bpm(lower: str) -> float | None:
    match = _BPM.search(lower)
    if match is None:
        return None
    bpm = float(match[1] or match[2])
    return bpm if 20 <= bpm <= 400 else None


def _mood(found: list[str]) -> tuple[float, int, float, str]:
    energy, brightness, sparse, mode = 0.0, 0, 0.0, ""
    for phrase in found:
        more = words.MOODS.get(phrase)
        if more is not None:
            energy += more[0]
            brightness += more[1]
            sparse = max(sparse, more[2])
            mode = more[3] or mode
    return max(-1.0, min(1.0, energy)), max(-1, min(1, brightness)), sparse, mode


def _instruments(found: list[str]) -> tuple[_Parts, _Parts, _Parts]:
    """What is wanted alone, what is not wanted, and what is wanted too."""
    only: list[tuple[str, str]] = []
    without: list[tuple[str, str]] = []
    added: list[tuple[str, str]] = []
    into, recent = added, list[tuple[str, str]]()
    for phrase in found:
        if phrase in words.INSTRUMENTS:
            part = words.INSTRUMENTS[phrase]
            into.append(part)
            recent.append(part)
        elif phrase in _WITHOUT:
            into, recent = without, []
        elif phrase in _ONLY:
            if recent and into is added:  # `piano and drums only`
                only += recent
                del added[len(added) - len(recent) :]
            into, recent = only, []
        elif phrase in _WITH:
            into, recent = (only if into is only else added), []
        elif phrase in _BREAKS or (phrase not in _JOINS and into is not without):
            if phrase in _BREAKS:
                into = added
            recent = []
    return tuple(dict.fromkeys(only)), tuple(dict.fromkeys(without)), tuple(dict.fromkeys(added))
