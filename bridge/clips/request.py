"""What a clip is asked to be, and how that is kept in the clip so that it can be made again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from bridge.clips.info import ClipInfo
from bridge.clips.loop import bar_beats, loop_length
from bridge.clips.master import Mastered
from bridge.clips.opening import Opening
from bridge.clips.pcm import WRITABLE_BITS
from engine.api import EngineInfo, Steering, Timing, WeightedPrompt
from engine.errors import BadValue

FADE_S = 0.01
"""Seam of a loop: long enough for no click, short enough to leave the next downbeat's attack."""

MAX_LOOP_S = 900.0
"""64 bars of 4/4 at 20 BPM are 768 s; more than this is no loop."""

_ENGINE = ("model", "device", "rate", "precision", "context_s")
"""What a clip keeps of the engine that made it."""

MAX_CLIP_S = 24 * 3600.0
"""In most formats the 4 GiB of a WAV file come sooner."""


@dataclass(frozen=True, slots=True)
class ClipRequest:
    """A loop of `bars` bars, or, where `bars` is 0, the first `seconds` of a stream.

    Raises BadValue if it is neither, or longer than `MAX_LOOP_S` or `MAX_CLIP_S`.
    """

    prompts: tuple[WeightedPrompt, ...]
    bars: int = 0
    bpm: float = 0.0
    """Quarter notes a minute, 20..400; 0 leaves the tempo to the engine (not for loops)."""
    numerator: int = 4
    denominator: int = 4
    seed: int = 0
    """0 .. 2**31 - 1."""
    temperature: float = 0.85
    top_k: int = 250
    guidance: float = 3.0
    seconds: float = 0.0
    words: str = ""
    """What an engine that keeps no time adds to the prompts, see `Steering.words`."""
    opening: Opening | None = None
    """What it goes on from: the clip holds only what follows."""
    master: bool = False
    """Whether it is brought to a loudness, see `bridge.clips.master`."""
    straight: bool = False
    """The bars after the first are taken as they are, as all clips were made once."""
    bits: int = 24
    """Of its file: 16 (dithered), 24, or 32 (float)."""

    def __post_init__(self) -> None:
        if not self.prompts or not all(prompt.weight > 0 for prompt in self.prompts):
            raise BadValue("a clip needs a prompt, and each prompt a weight above 0")
        if self.bits not in WRITABLE_BITS:
            raise BadValue(
                f"a clip of {self.bits} bits cannot be written: 16, 24 or 32 (float) can"
            )
        if not (self.bpm == 0 and not self.bars) and not 20 <= self.bpm <= 400:
            raise BadValue(f"a clip's tempo {self.bpm:g} is out of range 20..400 BPM")
        if not (1 <= self.numerator <= 32 and 1 <= self.denominator <= 32):
            raise BadValue(f"a clip's meter {self.numerator}/{self.denominator} is out of range")
        if not 0 <= self.seed < 2**31:
            raise BadValue(f"a clip's seed {self.seed} is out of range 0..{2**31 - 1}")
        longest_s = MAX_LOOP_S if self.bars else MAX_CLIP_S
        if not 0 < self.length_s <= longest_s:
            raise BadValue(
                f"a clip of {self.length_s:g} s is out of range, more than 0 and at most"
                f" {longest_s:g} s: ask for fewer bars or seconds"
            )

    @property
    def beats_per_bar(self) -> float:
        return bar_beats(self.numerator, self.denominator)

    @property
    def length_s(self) -> float:
        """As asked for, before it is rounded to samples."""
        return self.bars * self.beats_per_bar * 60 / self.bpm if self.bars else self.seconds

    @property
    def text(self) -> str:
        """All prompts in one line, for people."""
        return " + ".join(prompt.text for prompt in self.prompts)

    def length_samples(self, rate: int) -> int:
        """What the clip will have, exactly."""
        if not self.bars:
            return max(1, round(self.seconds * rate))
        return loop_length(self.bars, self.beats_per_bar, self.bpm, rate)

    def pre_roll_samples(self, rate: int) -> int:
        """What is rendered before it: a loop begins with the tail of the bar before its first."""
        return loop_length(1, self.beats_per_bar, self.bpm, rate) if self.bars else 0

    def steering(self, rate: int) -> Steering:
        """For a stream at so many samples a second: beat 0 falls on the clip's first sample."""
        timing = None
        if self.bpm:
            before = float(self.pre_roll_samples(rate))
            timing = Timing(before, 0.0, self.bpm, self.beats_per_bar)
        return Steering(
            prompts=self.prompts,
            temperature=self.temperature,
            top_k=self.top_k,
            guidance=self.guidance,
            seed=self.seed,
            words=self.words,
            timing=timing,
        )


def info_of(
    request: ClipRequest,
    engine: EngineInfo,
    gain_db: float,
    created: datetime | None,
    mastered: Mastered | None = None,
    lock: str = "exact",
) -> ClipInfo:
    """What the clip made from `request` says of itself. `gain_db`: what it was turned up by;
    `lock`: how it lies on the grid."""
    settings: dict[str, Any] = {
        "prompts": [[prompt.text, prompt.weight] for prompt in request.prompts],
        "temperature": request.temperature,
        "top_k": request.top_k,
        "guidance": request.guidance,
        "seconds": request.seconds,
        "words": request.words,
        "bits": request.bits,
        "gain_db": round(gain_db, 2),
    }
    settings |= {name: getattr(engine, name) for name in _ENGINE}
    if not request.straight:
        settings["lock"] = lock
    if request.opening:
        settings["opening"] = [request.opening.file, request.opening.sha256]
    if mastered:
        settings["master"] = asdict(mastered)
    return ClipInfo(
        prompt=request.text,
        bpm=request.bpm,
        bars=request.bars,
        numerator=request.numerator,
        denominator=request.denominator,
        seed=request.seed,
        engine=engine.name,
        settings=settings,
        created=created,
    )


def request_from(info: ClipInfo, opening: Opening | None = None) -> ClipRequest:
    """What the clip was made from. `info.engine` and `rate_of(info)` say what has to make it.

    `opening` is the recording of `opening_of(info)`, once it is found. Raises BadValue if the clip
    does not say, or says nonsense.
    """
    settings = info.settings
    if settings.get("live"):
        raise BadValue(
            "this clip was captured while it was played live, which cannot be made again: replay"
            " takes clips that were rendered"
        )
    try:
        prompts = tuple(
            WeightedPrompt(str(text), float(weight)) for text, weight in settings["prompts"]
        )
        return ClipRequest(
            prompts=prompts,
            bars=info.bars,
            bpm=info.bpm,
            numerator=info.numerator,
            denominator=info.denominator,
            seed=info.seed,
            temperature=float(settings["temperature"]),
            top_k=int(settings["top_k"]),
            guidance=float(settings["guidance"]),
            seconds=float(settings["seconds"]),
            words=str(settings.get("words", "")),
            opening=opening,
            master="master" in settings,
            straight="lock" not in settings,
            bits=int(settings.get("bits", 24)),
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        raise _unknown(settings) from None


def opening_of(info: ClipInfo) -> tuple[str, str] | None:
    """File name and hash of the recording that the clip goes on from. Raises BadValue."""
    match info.settings.get("opening"):
        case None:
            return None
        case [str(file), str(sha256)]:
            return file, sha256
    raise _unknown(info.settings)


def mastering_of(info: ClipInfo) -> Mastered | None:
    """How the clip was mastered; None if it was not. Raises BadValue if it does not say."""
    kept = info.settings.get("master")
    if kept is None:
        return None
    try:
        how = Mastered(**{name: float(value) for name, value in kept.items()})
    except (AttributeError, TypeError, ValueError, OverflowError):
        raise _unknown(info.settings) from None
    if not (-100 <= how.gain_db <= 100 and -60 <= how.ceiling_db <= 0):
        raise _unknown(info.settings)
    return how


def rate_of(info: ClipInfo) -> int:
    """Samples per second of the engine that made the clip. Raises BadValue if it does not say."""
    rate = info.settings.get("rate")
    if not isinstance(rate, int) or not 8000 <= rate <= 384000:
        raise _unknown(info.settings)
    return rate


def _unknown(settings: Mapping[str, Any]) -> BadValue:
    held = ", ".join(sorted(str(name) for name in settings)) or "none"
    return BadValue(
        f"this clip does not say all that it takes to make it again (settings: {held[:80]}):"
        " render it anew from its prompt"
    )
