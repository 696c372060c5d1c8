"""One stream inside the runner: its ring, the steering that waits, how much it wants.

Threading: as the runner that owns it, one thread.
"""

from __future__ import annotations

import sys

import numpy as np

from engine.api import Audio, EngineInfo, Open, Steer, Stream
from engine.errors import EngineError
from engine.host.ring import ChunkRing

FIRST_CHUNK_SAMPLES = 512
"""After opening and rewinding: about 11 ms, so that a change reaches the ear at once."""
LARGEST_CHUNK_SAMPLES = 4096
"""What a live stream's chunks grow to: enough to make the work for each chunk small."""
_CHUNKS_IN_LOOKAHEAD = 4
"""So that headroom, which falls by one chunk before the next is made, stays above three quarters
of what was asked for."""


class Track:
    """See the module."""

    def __init__(self, opened: Open, stream: Stream, ring: ChunkRing, info: EngineInfo) -> None:
        self.number = opened.stream
        self.live = opened.length is None
        self.stream = stream
        self.ring = ring
        self._length = opened.length
        self._lookahead = opened.lookahead
        self._info = info
        self._prepared = False
        self._held: list[Steer] = []
        self._applied: Steer | None = None
        self._epoch = 0
        self._chunk_samples = FIRST_CHUNK_SAMPLES

    @property
    def position(self) -> int:
        return self.stream.position

    @property
    def headroom(self) -> int:
        """Frames between the ear and what has been made; negative once the ear is past it."""
        return self.stream.position - self.ring.heard

    def prepare(self) -> bool:
        """One piece of what the stream must do before its next step; False if there is none."""
        if not self._prepared:
            self._prepared = not self.stream.prepare()
        return not self._prepared

    def steer(self, command: Steer) -> None:
        """Rewind if need be; the steering itself is applied when a step begins at its frame.

        So of several that fall on one frame only the last one ever reaches the stream, whatever
        the stream had made when they came: what is heard depends on the commands alone.
        """
        self._held = [held for held in self._held if held.frame < command.frame]
        if command.frame < self.position:
            self.stream.rewind(command.frame)
            self._prepared = False
            self._finish_if_done()
        if command.frame <= self.position:
            self._chunk_samples = FIRST_CHUNK_SAMPLES
        self._held.append(command)

    def live_frames(self, most_samples: int) -> int:
        """How many frames the next step should make, in about `most_samples`."""
        most = self._lookahead // _CHUNKS_IN_LOOKAHEAD
        if self._chunk_samples == FIRST_CHUNK_SAMPLES:
            # However close to the end of the lookahead it was rewound to: even if the ear stands
            # still, what is stale is replaced.
            most = min(most, self._lookahead - self.headroom)
        return self._cut(min(self._chunk_samples, most_samples), most)

    def render_frames(self, samples: int) -> int:
        """The same for a render, which takes as much as it is given."""
        return self._cut(samples, samples)

    def takes(self, frames: int) -> bool:
        """Whether a step of `frames` keeps to the held steering, the lookahead and the ring."""
        if not self._prepared or not 0 < frames <= self._limit():
            return False
        if self.live and self.headroom + frames > self._lookahead:
            return False
        samples = frames * self._info.hop
        return samples <= self.ring.largest_samples and self.ring.room(samples)

    def begin_step(self) -> None:
        """Apply the steering that is due at `position`."""
        if self._held and self._held[0].frame <= self.position:
            self.stream.steer(self._held[0].steering)
            self._prepared = False
            self._applied = self._held.pop(0)
            self._epoch = self._applied.epoch

    def undo_step(self, start: int) -> None:
        """Bring the stream back to frame `start`, where the step that broke has begun."""
        if self.position == start:
            return
        self.stream.rewind(start)
        if self._applied is not None and self._applied.frame == start:
            self.stream.steer(self._applied.steering)

    def deliver(self, start: int, frames: int, audio: Audio) -> None:
        """Write what a step made from frame `start` on, after `takes`. Raises EngineError if it
        is not what the contract says."""
        shape = (frames * self._info.hop, self._info.channels)
        if audio.shape != shape or audio.dtype != np.float32:
            raise EngineError(f"the engine made {audio.dtype} {audio.shape}, not float32 {shape}")
        if not np.isfinite(audio).all():
            raise EngineError(f"the engine made samples that are no numbers from frame {start} on")
        self.ring.write(start, self._epoch, audio)
        self._chunk_samples = min(2 * self._chunk_samples, LARGEST_CHUNK_SAMPLES)
        self._finish_if_done()

    def _cut(self, samples: int, most_frames: int) -> int:
        """Whole frames in about `samples`, at least 1, up to `most_frames` and the limits."""
        fits = self.ring.largest_samples // self._info.hop
        frames = min(samples // self._info.hop, most_frames, fits)
        return min(max(frames, 1), self._limit())

    def _limit(self) -> int:
        """Frames up to the next held steering, or to the end of a render."""
        ends = [held.frame for held in self._held if held.frame > self.position]
        if self._length is not None:
            ends.append(self._length)
        return min(ends, default=sys.maxsize) - self.position

    def _finish_if_done(self) -> None:
        if self._length is not None:
            self.ring.finish(self.position >= self._length)
