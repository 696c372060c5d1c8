"""What a deck is set to, and what a launch changes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bridge.audio.mixing import SILENT_DB
from bridge.row import Value
from engine.api import Recording, Steering, Timing, WeightedPrompt
from engine.errors import BadValue

Prompts = tuple[WeightedPrompt, ...]

MAX_GAIN_DB = 6.0


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a scene remembers of one deck, save whether it plays."""

    prompts: Prompts = (WeightedPrompt(""),)
    morph_beats: float = 0.0
    temperature: float = 0.85
    top_k: int = 250
    guidance: float = 3.0
    seed: int = 0
    gain_db: float = 0.0
    mute: bool = False
    solo: bool = False
    warp: bool = True
    """Whether music of an engine that keeps no time is brought onto the grid."""

    def steering(self, timing: Timing, words: str = "", morph_frames: int = 0) -> Steering:
        return Steering(
            prompts=self.prompts,
            morph_frames=morph_frames,
            temperature=self.temperature,
            top_k=self.top_k,
            guidance=self.guidance,
            seed=self.seed,
            words=words,
            timing=timing,
        )


STEERING = frozenset({"prompts", "temperature", "top_k", "guidance", "seed"})
"""The settings that the engine must hear of."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a launch does to one deck."""

    settings: dict[str, Any] = field(default_factory=dict)
    """Fields of `Settings` and their new values."""
    play: bool | None = None
    """True starts it, False stops it, None leaves it."""
    reset: bool = False
    """Begin a new stream, without the musical context of the old one."""
    opening: Recording | None = None
    """What the new stream goes on from instead."""

    @property
    def steers(self) -> bool:
        return not STEERING.isdisjoint(self.settings)

    @property
    def empty(self) -> bool:
        return not self.settings and self.play is None and not self.reset

    def without(self, later: Change) -> Change:
        """What is left of this one when `later` is to have the last word."""
        settings = {k: v for k, v in self.settings.items() if k not in later.settings}
        reset = self.reset and later.play is None and not later.reset
        opening = self.opening if reset else None
        return Change(settings, self.play if later.play is None else None, reset, opening)

    def then(self, later: Change) -> Change:
        """Both, the later word winning."""
        return Change(
            {**self.settings, **later.settings},
            self.play if later.play is None else later.play,
            self.reset or later.reset,
            later.opening if later.reset else self.opening,
        )


def prompts_of(values: Sequence[Value]) -> Prompts:
    """The blend in `text [weight] [text weight] ...`. Raises BadValue if no share is above 0."""
    pairs = zip(values[::2], [*values[1::2], 1.0], strict=False)
    blend = tuple(WeightedPrompt(str(text), float(share or 0.0)) for text, share in pairs)
    heard = tuple(prompt for prompt in blend if prompt.weight > 0)
    if not heard:
        raise BadValue("a blend needs a weight above 0")
    return heard


def is_something(prompts: Prompts) -> bool:
    """Whether there is a word in it."""
    return any(prompt.text for prompt in prompts)


def values_of(prompts: Prompts) -> tuple[Value, ...]:
    """The other way round: one prompt is sent without its weight."""
    if len(prompts) == 1:
        return (prompts[0].text,)
    return tuple(value for prompt in prompts for value in (prompt.text, prompt.weight))


def level_of(gain_db: float) -> float:
    """A fader's 0..1 for a gain in dB: straight in dB, off at the bottom."""
    return (gain_db - SILENT_DB) / (MAX_GAIN_DB - SILENT_DB)


def gain_db_of(level: float) -> float:
    return SILENT_DB + level * (MAX_GAIN_DB - SILENT_DB)


def draw_seed() -> int:
    return random.randrange(2**31)
