"""What a stream was told to do, and from which step on: a log that can be taken back.

Threading: the runner's thread only.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.api import Steering, WeightedPrompt
from engine.errors import BadValue
from engine.musicgen.text import Blend


@dataclass(frozen=True, slots=True)
class Knobs:
    """The numbers of a steering, on the device that samples."""

    guidance: Tensor
    """float32 `[]`, as are all but `top_k`."""
    temperature: Tensor
    top_k: Tensor
    """int64 `[]`"""


@dataclass(frozen=True, slots=True)
class Direction:
    """One steering in force."""

    frame: int
    """The stream's position when it came."""
    step: int
    """The first step that obeys it."""
    before: Blend
    after: Blend
    morph_begin: int
    """The step at which `before` begins to turn into `after`."""
    morph_steps: int
    steering: Steering
    knobs: Knobs

    def blend_at(self, step: int) -> Blend:
        """The shares at a step: on the straight line from `before` to `after`."""
        if step >= self.morph_begin + self.morph_steps:
            return self.after
        part = max(0, step - self.morph_begin) / self.morph_steps
        return {
            text: (1 - part) * self.before.get(text, 0.0) + part * self.after.get(text, 0.0)
            for text in {**self.before, **self.after}
        }


class Directions:
    """The log of one stream."""

    def __init__(self, steering: Steering, vocabulary: int, device: torch.device) -> None:
        self._vocabulary = vocabulary
        self._device = device
        blend = blend_of(steering.prompts, steering.words)
        self._log = [Direction(0, 0, blend, blend, 0, 0, steering, self._knobs(steering))]

    def at(self, step: int) -> Direction:
        return self._log[bisect_right(self._log, step, key=lambda entry: entry.step) - 1]

    def steer(self, frame: int, step: int, steering: Steering) -> None:
        """`steering` holds from `step` on."""
        last = self._log[-1]
        after = blend_of(steering.prompts, steering.words)
        if not step:  # nothing was heard that it could come from
            before, begin, morph = after, 0, 0
        elif after == last.after:
            before, begin, morph = last.before, last.morph_begin, last.morph_steps
        else:
            before, begin, morph = last.blend_at(step), step, steering.morph_frames
        entry = Direction(frame, step, before, after, begin, morph, steering, self._knobs(steering))
        self._log.append(entry)

    def rewind(self, frame: int) -> int | None:
        """Take back what came at `frame` or later; the opening one stays.

        Returns the first step that obeyed any of it, or None if there was nothing.
        """
        dropped = None
        while len(self._log) > 1 and self._log[-1].frame >= frame:
            dropped = self._log.pop().step
        return dropped

    def forget(self, frame: int) -> None:
        """Drop what no rewind to `frame` or later brings back."""
        while len(self._log) > 1 and self._log[1].frame < frame:
            del self._log[0]

    def _knobs(self, steering: Steering) -> Knobs:
        if not steering.temperature > 0:
            raise BadValue(f"temperature {steering.temperature:g} is out of range, above 0")
        top_k = min(max(steering.top_k, 1), self._vocabulary)
        return Knobs(
            torch.tensor(float(steering.guidance), device=self._device),
            torch.tensor(float(steering.temperature), device=self._device),
            torch.tensor(top_k, device=self._device),
        )


def blend_of(prompts: tuple[WeightedPrompt, ...], words: str) -> Blend:
    """Shares that sum to 1; `words` go with every text but an empty one."""
    total = sum(prompt.weight for prompt in prompts)
    if not total > 0:
        raise BadValue("a blend needs a weight above 0")
    shares: dict[str, float] = {}
    for prompt in prompts:
        text = prompt.text.strip()
        if text and words:
            text = f"{text}, {words}"
        shares[text] = shares.get(text, 0.0) + prompt.weight / total
    return shares
