"""Random numbers as pure functions: the same words always draw the same number.

The score keeps no generator: a bar's choices depend on the seed and on what they are for, so any
bar can be written at any time, in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar
from zlib import crc32

T = TypeVar("T")

_MASK = (1 << 64) - 1


def _mix(seed: int, what: str, a: int, b: int) -> int:
    """64 bits by the finaliser of splitmix64 (Steele, Lea, Flood 2014)."""
    z = (seed * 0x9E3779B97F4A7C15 + crc32(what.encode()) * 0xD1B54A32D192ED03) & _MASK
    z = (z + a * 0x8CB92BA72F3D8DD7 + b * 0xABC98388FB8FAC03) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def draw(seed: int, what: str, a: int = 0, b: int = 0) -> float:
    """A number in 0 <= x < 1 for this purpose; `a` and `b` are a bar, a step or the like."""
    return (_mix(seed, what, a, b) >> 11) / (1 << 53)


def pick(choices: Sequence[T], seed: int, what: str, a: int = 0, b: int = 0) -> T:
    """One of `choices`."""
    return choices[int(draw(seed, what, a, b) * len(choices))]


def never_twice(seed: int, what: str, bar: int) -> tuple[int, int]:
    """Two numbers 0..7 for a bar: no two of any 64 bars in a row draw the same pair."""
    code = (bar * (int(draw(seed, what) * 32) * 2 + 1) + int(draw(seed, what, 1) * 64)) % 64
    # Reverse the bits, so that what moves from bar to bar is not only the second number.
    code = int(f"{code:06b}"[::-1], 2)
    return code >> 3, code & 7
