"""One continuing piece of music.

Three counts run ahead of each other. The decoder's next step is ahead of the codec's next frame by
the delay pattern (a frame's last code comes `delay` steps after its first), and that is ahead of
the next frame of audio by what the codec looks ahead. So what is steered at frame p is obeyed from
step `p + lag` on, the first that nothing already delivered depends on: 140 ms for MusicGen. Before
the first frame nothing has been delivered, and step 0 obeys.

Everything is a function of the seed, the steering log and the opening. How often the stream was
rewound, and how its frames were grouped, does not show.

Threading: the runner's thread only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.api import Steering
from engine.errors import BadValue
from engine.musicgen.backend import Backend
from engine.musicgen.codes import Codes
from engine.musicgen.context import Context, Span, WindowPolicy
from engine.musicgen.decoder import Segment, TextKv
from engine.musicgen.directions import Direction, Directions, blend_of
from engine.musicgen.kv import Past
from engine.musicgen.models.config import DecoderConfig
from engine.musicgen.playback import FrameDecoder, Playback
from engine.musicgen.sampling import Dice
from engine.musicgen.text import Prompts

_HEARD_AT_ONCE = 8
"""Frames of an opening that the codec takes in in one piece of preparation."""


@dataclass(frozen=True, slots=True)
class Model:
    """What all streams share; immutable but for what is remembered of prompts."""

    config: DecoderConfig
    backend: Backend
    prompts: Prompts
    audio: FrameDecoder
    policy: WindowPolicy
    audio_beside: bool = False
    """Whether audio may be decoded in another thread, while the decoder is at its next step."""

    @property
    def lag(self) -> int:
        """Steps from the next frame of audio to the first step that it does not depend on."""
        delay = (self.config.num_codebooks - 1) // self.config.audio_channels
        return delay + self.audio.lookahead_frames


class MusicGenStream:
    """See `engine.api.Stream`. `begin` and `end` frame a step of the decoder, `take_frame`
    gives a frame of audio; the engine calls them for many streams at once."""

    def __init__(
        self,
        model: Model,
        steering: Steering,
        caches: tuple[Past, ...],
        step: Callable[[Sequence[MusicGenStream]], None],
        opening: tuple[int, Iterator[Tensor]] = (0, iter(())),
    ) -> None:
        """`step` takes one step of the decoder. `opening`: how many frames come before frame 0,
        and their codes `[channels, K, n]`, made piece by piece as they are asked for."""
        self._model = model
        self._step = step
        device = model.backend.device
        self._directions = Directions(steering, model.config.vocab_size, device)
        policy = model.policy
        self._codes = Codes(model.config, policy.window_steps + 2 * policy.rewind_steps, device)
        self._dice = Dice(model.config.num_codebooks, device)
        self._playback = Playback(model.audio, model.config.audio_channels, policy.rewind_steps)
        frames, pieces = opening
        self._context = Context(policy, caches, frames, rows=2 if self._wants_pair(0) else 1)
        self.steps = 0
        """Of the decoder, so far."""
        self.position = 0
        # Without `self`: the stream would be part of a circle, and its memory kept for long.
        listening = _listen(model, self._codes, self._context, self._playback, pieces, steering)
        self._chores = listening if frames else iter(())
        self._blended: tuple[Direction, TextKv | None] | None = None
        self._rows, self._wordless = 1, True
        """Of the step that has begun."""

    # What the runner asks for

    @torch.inference_mode()
    def steer(self, steering: Steering) -> None:
        step = self.position + self._model.lag if self.position else 0
        self._forget_from(step)
        self._directions.steer(self.position, step, steering)

    @torch.inference_mode()
    def rewind(self, frame: int) -> None:
        oldest = self._oldest()
        if not oldest <= frame <= self.position:
            raise BadValue(f"rewind to frame {frame}; the range is {oldest}..{self.position}")
        dropped = self._directions.rewind(frame)
        if dropped is not None:
            self._forget_from(dropped)
        self._playback.rewind(frame + self._model.audio.lookahead_frames)
        self.position = frame

    @torch.inference_mode()
    def prepare(self) -> bool:
        for _ in self._chores:
            return True
        unread = [text for text in self._blend() if not self._model.prompts.knows(text)]
        if unread:
            self._model.prompts.of(unread[0])
            return True
        if self.steps < self.position + self._model.lag:
            self._step([self])
            return True
        if self._playback.next < self.position + self._model.audio.lookahead_frames:
            self._play_next()
            return True
        return False

    def _oldest(self) -> int:
        """The first frame that can be rewound to; to frame 0 only as long as nothing of the
        beginning is forgotten, since what is steered there holds from step 0 on."""
        first_step, first_frame = self._context.oldest, self._playback.oldest
        if first_step <= 0 and first_frame == 0:
            return 0
        lookahead = self._model.audio.lookahead_frames
        return max(first_step - self._model.lag, first_frame - lookahead, 1)

    def _forget_from(self, step: int) -> None:
        """Have no step from `step` on, nor any frame that a code of theirs went into."""
        if self.steps > step:
            self._context.rewind(step)
            self.steps = step
            self._blended = None
        self._playback.rewind(max(0, step - self._codes.delay))

    # One step of the decoder

    @property
    def needs_step(self) -> bool:
        """Whether the next frame of audio waits for one."""
        return self.steps <= self.position + self._model.lag

    @property
    def direction(self) -> Direction:
        """What the next step obeys."""
        return self._directions.at(self.steps)

    def begin(self) -> list[Segment]:
        """What the decoder has to compute for the next step; the first one predicts."""
        text = self._text()
        step, *spans = self._context.enter(self.steps, pair=self._wants_pair(self.steps))
        self._rows, self._wordless = step.rows, text is None
        beside = (_segment(self._codes, span, text, predicts=False) for span in spans)
        return [_segment(self._codes, step, text, predicts=True), *beside]

    def numbers(self) -> Tensor:
        """What the next step's codes are drawn at, float32 `[K]`."""
        return self._dice.numbers(self.direction.steering.seed, self.steps)

    def end(self, made: Tensor) -> None:
        """The next step's codes are made: int64 `[K]`."""
        self._codes.put(self.steps, made)
        self._context.leave(self.steps, self._rows, wordless=self._wordless)
        self.steps += 1
        self._directions.forget(self._oldest())

    def take_frame(self) -> Callable[[], Tensor]:
        """Move on by a frame, once the decoder is `lag` steps ahead of the one behind it.

        What comes back makes its audio, float32 `[hop, channels]`. It may be called in another
        thread while the decoder is at the next step; one frame after the other, and before
        anything else is asked of the stream.
        """
        self.position += 1
        return self._frame

    @torch.inference_mode()
    def _frame(self) -> Tensor:
        audio = self._play_next()
        assert audio is not None
        return audio

    def _play_next(self) -> Tensor | None:
        return self._playback.play(self._codes.frame(self._playback.next))

    def _wants_pair(self, step: int) -> bool:
        direction = self._directions.at(step)
        spoken = any(text and share > 0 for text, share in direction.blend_at(step).items())
        return spoken and direction.steering.guidance != 1

    def _blend(self) -> dict[str, float]:
        return dict(self.direction.blend_at(self.steps))

    def _text(self) -> TextKv | None:
        """What the next step's cross-attention looks at; mixed anew only while it changes."""
        direction = self.direction
        if self._blended is not None and self._blended[0] is direction:
            return self._blended[1]
        text = self._model.prompts.blend(self._blend())
        settled = self.steps >= direction.morph_begin + direction.morph_steps
        self._blended = (direction, text) if settled else None
        return text


def _segment(codes: Codes, span: Span, text: TextKv | None, *, predicts: bool) -> Segment:
    inputs = codes.inputs(span.base, span.first_step, span.length)
    return Segment(inputs, span.start, span.cache, text, span.rows, predicts)


def _listen(
    model: Model,
    codes: Codes,
    context: Context,
    playback: Playback,
    pieces: Iterator[Tensor],
    steering: Steering,
) -> Iterator[None]:
    """Take in an opening, a piece at each `next`, under the steering it was opened with."""
    parts = []
    for part in pieces:
        parts.append(part)
        yield
    frames = codes.open(torch.cat(parts, dim=2))
    text = model.prompts.blend(blend_of(steering.prompts, steering.words))
    for span in context.opening():
        model.backend.logits([_segment(codes, span, text, predicts=False)])
        yield
    for frame in range(-frames, 0):
        playback.hear(codes.frame(frame))
        if frame % _HEARD_AT_ONCE == 0:
            yield
