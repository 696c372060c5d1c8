"""What an engine is, in plain types: all that the bridge knows of one.

Three objects, after llama2.c and moshi: an immutable model (`Engine`), disposable streams
(`Stream`, one continuing piece of music each), and one runner (`engine.host.runner`) that steps
all streams in lockstep. The bridge holds none of them: it talks to an `EngineHandle`, whose
other side may be a process of its own (`engine.host.client`) or the caller's thread
(`engine.host.inline`).

Units. A *frame* is the engine's own time slice, `EngineInfo.hop` samples long (640 for
MusicGen's codec, 1 for the synthesiser). Frame 0 of a stream is its first sample. Samples and
beats in this module count from the start of the *stream*, never from the start of the server:
an engine knows nothing of transports. A beat is a quarter note.

Only numpy may be imported here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.float32]
"""float32 `[samples, channels]`, full scale is ±1."""

HANG_S = 0.8
"""An engine without a heartbeat for so long counts as hung, if it asks for no more patience. The
runner beats between steps, from the thread that steps (a hung step must show), so a step must
always be much shorter."""


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What an engine says of itself once it has loaded."""

    name: str
    """`groove` or `musicgen`."""
    model: str
    """Which weights: a hub id, a file name, or what the synthesiser is."""
    device: str
    """`cpu`, `cuda:0`, `mps`."""
    rate: int
    """Samples per second of the chunks it yields."""
    channels: int
    hop: int
    """Samples per frame."""
    keeps_time: bool
    """Whether it places its notes on `Steering.timing` to the sample."""
    notice: str = ""
    """One line shown wherever the engine shows its name (`a synthesiser, no AI`)."""
    precision: str = ""
    """Of its weights (`fp32`, `bf16`, `fp16`); empty: it has none."""
    context_s: float = 0.0
    """How much of its own music it listens to at most while it goes on; 0: it does not listen."""
    continues: bool = False
    """Whether a stream can go on from a recording."""
    patience_s: float = HANG_S
    """Without a heartbeat for so long it counts as hung: more than any one of its steps takes."""


@dataclass(frozen=True, slots=True)
class Timing:
    """A tempo that holds from a point in the stream on: `beat` is heard at `sample`.

    `beat_at(s) = beat + (s - sample) * bpm / (60 * rate)`. `sample` may lie before the stream's
    start and need not be whole. Bar lines lie at `bar_beat + k * beats_per_bar` for every
    integer k, and the bar that begins at `bar_beat` is number `bar` (counted from 0).
    """

    sample: float
    beat: float
    bpm: float
    beats_per_bar: float = 4.0
    bar_beat: float = 0.0
    bar: int = 0


@dataclass(frozen=True, slots=True)
class WeightedPrompt:
    text: str
    weight: float = 1.0
    """Share in the blend, > 0; an engine normalises the shares to a sum of 1."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Music that a stream can go on from: its end counts, at most `RECORDING_S` of it."""

    audio: Audio = field(repr=False)
    rate: int
    """Samples per second."""


@dataclass(frozen=True, slots=True)
class Steering:
    """Everything that shapes a stream from some frame on. Whole, never a difference."""

    prompts: tuple[WeightedPrompt, ...]
    morph_frames: int = 0
    """How long it takes to get from the prompts before to these, if they differ; 0 is at once.
    With equal prompts a morph that is under way goes on as it was."""
    temperature: float = 0.85
    top_k: int = 250
    guidance: float = 3.0
    seed: int = 0
    """0 .. 2**31 - 1."""
    words: str = ""
    """What goes with every prompt's text for an engine that keeps no time: `120 bpm, A minor`."""
    timing: Timing | None = None
    """None: the engine's own tempo."""


class Stream(Protocol):
    """One continuing piece of music inside an engine."""

    @property
    def position(self) -> int:
        """Frames generated so far: the frame that the next step begins with."""

    def steer(self, steering: Steering) -> None:
        """Take effect from `position` on, as soon as the engine's own delay lets it."""

    def prepare(self) -> bool:
        """Do a short piece of what must be done before the next step can be; False if there is
        nothing (more) to do.

        A stream that goes on from a recording must listen to it first. In pieces this keeps no
        other stream waiting; a `step` of a stream that is not prepared does all of it at once.
        """

    def rewind(self, frame: int) -> None:
        """Forget all audio after `frame`, and all steering at or after it (the opening one stays).

        The state is exactly as it was there, before anything was steered at that frame.

        What was rewound is generated again from `frame` on and, with the same steering, gives
        the same samples. Raises BadValue if `frame` is negative, ahead of `position`, or
        further back than the engine remembers (at least `REWIND_S` seconds).
        """


REWIND_S = 4.0
"""Every stream can rewind at least this far: more than any headroom that the bridge asks for."""

RECORDING_S = 30.0
"""No engine listens to more of a recording that it is to go on from."""


class Engine(Protocol):
    """An immutable model that steps streams."""

    @property
    def info(self) -> EngineInfo: ...

    def open(
        self, steering: Steering, opening: Recording | None = None, length: int | None = None
    ) -> Stream:
        """A new stream at frame 0, which follows the end of `opening` if there is one.

        One of a known `length` in frames may do with less memory, and need not rewind. Raises
        EngineError if there is no room for one more, or it cannot go on from a recording.
        """

    def step(self, streams: Sequence[Stream], frames: int) -> list[Audio]:
        """Advance all given streams by `frames` frames in one batch.

        Returns one float32 `[frames * hop, channels]` for each stream, in order. Raises
        OutOfMemory if that is what ended it: the same step with fewer streams may go well.
        """

    def close(self) -> None: ...


EngineFactory = Callable[[], Engine]
"""Loads a model. Must be picklable (a module's function or a functools.partial of one), since
the engine's process is spawned. May raise EngineUnavailable."""


# --- What crosses the process boundary -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Open:
    """Begin a stream that writes its chunks to the shared-memory ring `ring`.

    With `length` it is a render: exactly so many frames, as fast as the machine allows, behind
    every live stream. Without, it is live: kept `lookahead` frames ahead of what is heard.
    """

    stream: int
    ring: str
    steering: Steering
    lookahead: int
    length: int | None = None
    opening: Recording | None = None
    """What the stream goes on from."""


@dataclass(frozen=True, slots=True)
class Steer:
    """`steering` holds from `frame` on, and whatever was to hold later is dropped.

    If the stream has generated past `frame` it is rewound to there first. `epoch` comes back in
    every chunk made since, so that the sender can tell when it took effect.
    """

    stream: int
    frame: int
    steering: Steering
    epoch: int


@dataclass(frozen=True, slots=True)
class Close:
    stream: int


@dataclass(frozen=True, slots=True)
class Shutdown:
    pass


Command = Open | Steer | Close | Shutdown


@dataclass(frozen=True, slots=True)
class Ready:
    info: EngineInfo


@dataclass(frozen=True, slots=True)
class StreamFault:
    """A stream ended with an error; the others play on."""

    stream: int
    reason: str


@dataclass(frozen=True, slots=True)
class EngineFault:
    """The engine could not load, or broke as a whole; its process ends after this."""

    reason: str


Event = Ready | StreamFault | EngineFault


@dataclass(frozen=True, slots=True)
class Chunk:
    """Audio in order. `start` lower than what was read before means: forget what followed it."""

    start: int
    """Frame of the first sample."""
    epoch: int
    """Epoch of the last `Steer` this chunk obeys; 0 before the first."""
    audio: Audio = field(repr=False)
    """float32 `[frames * hop, channels]`"""


class StreamReader(Protocol):
    """The reading end of one stream. One thread reads."""

    @property
    def stream(self) -> int: ...

    def read(self) -> Chunk | None:
        """The next chunk, copied out of the ring, or None when there is none yet."""

    def heard(self, frame: int) -> None:
        """Tell the engine how far the ear is: it keeps `lookahead` frames ahead of this."""

    def steer(self, frame: int, steering: Steering) -> int:
        """Send `Steer`; returns its epoch (1, 2, 3 ...)."""

    @property
    def finished(self) -> bool:
        """A render whose every chunk has been written to the ring (some may be unread)."""

    def close(self) -> None:
        """End the stream and free its ring. Safe to call twice, and after the engine's death."""


class EngineHandle(Protocol):
    """A running engine, as the bridge sees it. One thread calls, unless said otherwise."""

    @property
    def info(self) -> EngineInfo: ...

    def open(
        self,
        steering: Steering,
        *,
        lookahead: int = 0,
        length: int | None = None,
        opening: Recording | None = None,
    ) -> StreamReader:
        """Begin a stream, which goes on from `opening` if there is one (any thread).

        Raises EngineLost if the engine is gone, BadValue for a live stream without lookahead or
        an empty render, EngineError if there is no shared memory for its ring.
        """

    def poll(self) -> list[Event]:
        """Events since the last call. Never waits."""

    @property
    def realtime_factor(self) -> float:
        """Seconds of music made in one second of work, over the last second or so, all streams
        together; 0 before the first step."""

    def alive(self) -> bool:
        """False once the engine is dead, or has shown no sign of life for `info.patience_s`."""

    def shutdown(self) -> None:
        """End it, cleanly if it answers, else by force. Safe to call twice."""


StartEngine = Callable[[], EngineHandle]
"""Starts an engine and waits until it is ready. Raises EngineUnavailable or EngineLost."""
