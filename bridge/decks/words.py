"""What a prompt does not say and a model cannot know: the tempo and the key, as words.

An engine that places its notes itself gets the beat to the sample and needs no words for it; a
model has learnt from descriptions such as `120 bpm, A minor`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.errors import BadValue

MODES = ("major", "minor", "dorian", "phrygian", "lydian", "mixolydian", "locrian")

_KEY = re.compile(rf"([A-G])([#b]?) +({'|'.join(MODES)})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Words:
    """What goes with every prompt."""

    key: str = ""
    """As `key_of` gives it; empty: the engine's own."""
    on: bool = True
    """Whether anything is added at all: if not, prompts reach the engine as they were typed."""

    def at(self, bpm: float) -> str:
        """For `engine.api.Steering.words`: `120 bpm, A minor`."""
        if not self.on:
            return ""
        return ", ".join([f"{round(bpm)} bpm", *filter(None, [self.key])])


def key_of(text: str) -> str:
    """A key as it is kept and told: `A minor`, `F# dorian`, or empty. Raises BadValue."""
    if not text.strip():
        return ""
    match = _KEY.fullmatch(text.strip())
    if match is None:
        raise BadValue(
            f"key {text[:30]!r} is not like 'A minor' or 'F# dorian': a note A..G with # or b,"
            f" and one of {' '.join(MODES)}; '' leaves the key open"
        )
    note, sign, mode = match.groups()
    return f"{note.upper()}{sign.lower()} {mode.lower()}"
