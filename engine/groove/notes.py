"""A note of the score."""

from __future__ import annotations

from typing import NamedTuple


class Note(NamedTuple):
    """`beat` counts from the bar line, `length` is in beats (0: it rings as long as it does)."""

    part: str
    """`drums` or the role of a part."""
    sound: str
    pitch: int
    """MIDI pitch; 0 for drums."""
    beat: float
    length: float
    velocity: float
    """0..1"""
    level_db: float
    pan: int
    ghost: bool = False
    """An echo or an ornament."""
    until: float = 0.0
    """If nobody else plays after it: the beat at which the next note of anyone begins."""
