"""How much of its past a stream's decoder sees, without end and without a pause.

MusicGen was trained on 30 s. A stream that goes on for ever therefore lives in windows: positions
0, 1, 2 ... up to `window_steps`, then a new window whose first positions are the last `tail_steps`
of the old one, prefilled from their codes as audiocraft does (windows of 30 s, 18 s apart). The
prefill is done in slices beside the steps that come before the change, into a second cache, so
that no step waits for it; on a device where a whole tail takes no longer than a step, at once.

The two caches take turns. The one that was left stays as it is until the next tail is begun, so
a rewind across the change finds everything in its place. All of this is a function of the step
and the steering log: how far and how often a stream was rewound does not show in it.

Row 1 of a cache is the same music heard without the prompt, which guidance needs. A stream that
did without it (guidance 1) and then wants it gets it with a new window, begun at once.

Threading: the runner's thread only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.api import REWIND_S
from engine.errors import BadValue
from engine.musicgen.kv import Past
from engine.musicgen.options import TAIL_SHARE

_SPARE_STEPS = 10
"""Added to what can be rewound: a stream is a chunk and its delays ahead of what was delivered."""


@dataclass(frozen=True, slots=True)
class WindowPolicy:
    """Lengths in steps, one a frame."""

    window_steps: int
    tail_steps: int
    slice_steps: int
    """Of a tail, prefilled beside one step; `tail_steps` or more: all of it at once."""
    rewind_steps: int
    """How far every stream can be rewound."""

    def __post_init__(self) -> None:
        free = self.window_steps - self.tail_steps - self.slices
        if not 1 <= self.tail_steps < self.window_steps or free < self.rewind_steps:
            raise BadValue(
                f"a window of {self.window_steps} steps with a tail of {self.tail_steps} leaves"
                f" {free} between two changes; {self.rewind_steps} are needed: take a longer window"
            )

    @property
    def slices(self) -> int:
        """How many steps it takes to prefill a tail."""
        return -(-self.tail_steps // self.slice_steps)


def policy_for(context_s: float, frame_rate: float, slice_steps: int, delay: int) -> WindowPolicy:
    """`TAIL_SHARE` of the window is kept when it is full. Raises BadValue if that is too little."""
    window = round(context_s * frame_rate)
    rewind = round(REWIND_S * frame_rate) + delay + _SPARE_STEPS
    return WindowPolicy(window, round(window * TAIL_SHARE), slice_steps, rewind)


@dataclass(slots=True)
class Window:
    """Positions 0 .. of one cache; position p is step `base + p` of the stream."""

    base: int
    cache: Past
    since: int
    """The first step that is taken in it; the positions below are its tail."""
    built_from: int
    """The step beside which the first slice of the tail was prefilled."""
    rows: int
    """Of the tail."""
    paired: int = 0
    """Row 1 is good in the positions below this one."""
    wordless: int = 0
    """Nobody listened to a prompt in the positions below this one, so row 0 would do for row 1.
    (A tail counts as listened to.)"""

    def __post_init__(self) -> None:
        self.begin()

    @property
    def tail(self) -> int:
        return self.since - self.base

    def begin(self) -> None:
        """As it is when its first step is taken."""
        self.paired = self.tail if self.rows == 2 else 0
        self.wordless = 0

    def prefilled(self, step: int, slice_steps: int) -> int:
        """How many positions of the tail are done with `step`."""
        wanted = (step - self.built_from + 1) * slice_steps
        return max(0, min(wanted, step + 1 - self.base, self.tail))


@dataclass(frozen=True, slots=True)
class Span:
    """Positions to be computed in one pass."""

    cache: Past
    base: int
    start: int
    length: int
    rows: int

    @property
    def first_step(self) -> int:
        return self.base + self.start


class Context:
    """The windows of one stream. For each step: `enter`, compute the spans, then `leave`."""

    def __init__(
        self, policy: WindowPolicy, caches: tuple[Past, ...], opening: int = 0, rows: int = 2
    ) -> None:
        """An opening of so many frames is the tail of the first window, in `rows` rows: the
        spans of `opening` have to be computed before step 0.

        With one cache there is no way back across a change of windows, and tails are prefilled
        at once, in place.
        """
        self._policy = policy
        self._caches = caches
        self._front = Window(-opening, caches[0], since=0, built_from=-opening, rows=rows)
        self._coming: Window | None = None
        self._old: Window | None = None

    @property
    def oldest(self) -> int:
        """The first step that can be rewound to."""
        return (self._old or self._front).since

    def opening(self) -> Iterator[Span]:
        """The first window's past, in slices."""
        front = self._front
        for start in range(0, front.tail, self._policy.slice_steps):
            length = min(self._policy.slice_steps, front.tail - start)
            yield Span(front.cache, front.base, start, length, front.rows)

    def enter(self, step: int, *, pair: bool) -> list[Span]:
        """What has to be computed for a step: the step itself, first, and what goes beside it.

        `pair`: whether guidance wants the row without the prompt, too.
        """
        if self._coming is not None and step == self._coming.since:
            self._old, self._front, self._coming = self._front, self._coming, None
        full = self._front.base + self._policy.window_steps
        if len(self._caches) == 1:
            return [self._step_in_place(step, step == full, pair)]
        if self._coming is None and step == full - self._policy.slices:
            self._begin(step, pair)
        rows = 1 + (pair and self._pairs(step))
        if pair and rows == 1 and self._coming is None and self._back_is_free(step):
            self._begin(step, pair)
        front = self._front
        spans = [Span(front.cache, front.base, step - front.base, 1, rows)]
        return spans + self._slice(step)

    def leave(self, step: int, rows: int, *, wordless: bool) -> None:
        """The step is computed, in `rows` rows; `wordless`: without any prompt."""
        front, position = self._front, step - self._front.base
        if rows == 2:
            front.paired = position + 1
        if wordless and front.wordless == position:
            front.wordless = position + 1

    def rewind(self, step: int) -> None:
        """To just before `step`, which is at least `oldest`."""
        if step < self.oldest:
            raise BadValue(f"rewind to step {step}; {self.oldest} is the first in memory")
        if self._old is not None and step < self._front.since:
            self._front.begin()
            self._coming, self._front, self._old = self._front, self._old, None
        if self._coming is not None and step <= self._coming.built_from:
            self._coming = None
        self._front.paired = min(self._front.paired, step - self._front.base)
        self._front.wordless = min(self._front.wordless, step - self._front.base)

    def _pairs(self, step: int) -> bool:
        """Whether row 1 has all of its past, or can be given it."""
        front, position = self._front, step - self._front.base
        if front.wordless == position and front.paired < position:
            front.cache.copy_row(position)
            front.paired = position
        return front.paired == position

    def _back_is_free(self, step: int) -> bool:
        """Whether no rewind needs the window before this one any more."""
        front = self._front
        return front.tail == 0 or step - front.since >= self._policy.rewind_steps

    def _begin(self, step: int, pair: bool) -> None:
        """Begin the prefill of the next window, which takes over when that is done."""
        since = step + self._policy.slices
        base = max(self._front.base, since - self._policy.tail_steps)
        back = next(cache for cache in self._caches if cache is not self._front.cache)
        self._old = None
        self._coming = Window(base, back, since, built_from=step, rows=1 + pair)

    def _slice(self, step: int) -> list[Span]:
        coming, size = self._coming, self._policy.slice_steps
        if coming is None:
            return []
        start, end = coming.prefilled(step - 1, size), coming.prefilled(step, size)
        return [Span(coming.cache, coming.base, start, end - start, coming.rows)]

    def _step_in_place(self, step: int, full: bool, pair: bool) -> Span:
        """The step, and its whole tail before it if there has to be a new window."""
        if full or (pair and not self._pairs(step)):
            base = max(self._front.base, step - self._policy.tail_steps)
            self._front = Window(base, self._front.cache, step, built_from=step, rows=1 + pair)
        front = self._front
        # Again from its beginning if this very step is taken again, since the first try failed.
        start = 0 if front.built_from == step else step - front.base
        return Span(front.cache, front.base, start, step - front.base + 1 - start, 1 + pair)
