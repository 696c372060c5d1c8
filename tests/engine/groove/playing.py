"""What the synthesiser's tests share: short ways to steer and to listen."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from engine.api import Audio, Steering, Timing, WeightedPrompt
from engine.groove import GrooveEngine
from engine.groove.score import HarmonyPlan, Layer, Manner, harmony_of
from engine.groove.stream import GrooveStream

RATE = 48_000
ENGINE = GrooveEngine(RATE)
"""One for all tests: its bank keeps the notes that they share."""


def steering(
    *prompts: str | tuple[str, float], bpm: float | None = 120.0, **more: object
) -> Steering:
    """Prompts with weights, at a tempo whose beat 0 is sample 0 (`bpm=None`: no timing)."""
    weighted = tuple(
        WeightedPrompt(p) if isinstance(p, str) else WeightedPrompt(*p) for p in prompts
    )
    if bpm is not None:
        more.setdefault("timing", Timing(0.0, 0.0, bpm))
    return Steering(weighted, **more)  # type: ignore[arg-type]


def open_stream(*prompts: str | tuple[str, float], **more: object) -> GrooveStream:
    return ENGINE.open(steering(*prompts, **more))  # type: ignore[arg-type]


def play(stream: GrooveStream, frames: int, step: int = 4_096) -> Audio:
    """The next `frames` samples."""
    end = stream.position + frames
    chunks = [np.zeros((0, 2), np.float32)]
    while stream.position < end:
        chunks.append(ENGINE.step([stream], min(step, end - stream.position))[0])
    return np.concatenate(chunks)


def play_with(
    stream: GrooveStream, changes: Iterable[tuple[int, Steering]], frames: int, step: int = 4_096
) -> Audio:
    """`frames` samples from the start, steered at the given frames."""
    out = []
    for frame, change in changes:
        if frame > stream.position:
            out.append(play(stream, frame - stream.position, step))
        stream.steer(change)
    out.append(play(stream, frames - stream.position, step))
    return np.concatenate(out)


def layer(text: str, seed: int = 0, temperature: float = 0.85, top_k: int = 250) -> Layer:
    """The score of one prompt."""
    harmony = harmony_of(text, seed)
    plan = HarmonyPlan(harmony, harmony, 0)
    return Layer(text, Manner(seed, temperature, top_k, 3.0), plan)


def power_db(audio: Audio) -> float:
    return float(10 * np.log10(np.mean(np.square(audio, dtype=np.float64)) + 1e-20))


def steepest(audio: Audio) -> float:
    """The largest step from one sample to the next."""
    return float(np.max(np.abs(np.diff(audio, axis=0))))
