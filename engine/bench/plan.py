"""How much to measure."""

from __future__ import annotations

from dataclasses import dataclass

CHUNK_FRAMES = 6
"""Made in one call of the engine: what fits a runner's 4096 samples."""
GUIDANCE = 3.0
TOP_K = 250
TEMPERATURE = 0.85

_PROMPT = "dub techno, deep bass, rim shots, tape echo, warm pads, take"


def prompt(number: int) -> str:
    """A description of the length that MusicGen likes, another for each number."""
    return f"{_PROMPT} {number}"


@dataclass(frozen=True, slots=True)
class Plan:
    """Counts and durations of one contender's run."""

    prompts: int
    """New ones to be heard, and changes between them; the median counts."""
    music_s: float
    """Made with guidance, in one stream, if that takes no longer than `work_s`."""
    work_s: float
    plain_work_s: float
    """The same without guidance."""
    lanes: tuple[int, ...]
    """Streams at once."""
    lanes_work_s: float
    short_s: float
    full_s: float
    """So much of its own music the model hears when steps at two lengths are timed. sideman's
    streams begin with two fifths of `--context` (5.6 s) at most, and have to play on from there."""
    context_steps: int
    """Timed at each of the two."""
    read_bytes: int
    """Read again and again to learn the memory's speed: far more than caches hold."""


GPU_LANES = (1, 2, 4, 8, 16, 32, 64)

FULL = Plan(
    prompts=5, music_s=60.0, work_s=60.0, plain_work_s=20.0, lanes=(1, 2, 4, 8), lanes_work_s=12.0,
    short_s=1.0, full_s=13.0, context_steps=25, read_bytes=1 << 30,
)  # fmt: skip
QUICK = Plan(
    prompts=1, music_s=20.0, work_s=6.0, plain_work_s=3.0, lanes=(1, 2, 4), lanes_work_s=2.0,
    short_s=1.0, full_s=5.0, context_steps=10, read_bytes=1 << 30,
)  # fmt: skip
