"""A stream of the synthesiser: renders any stretch of samples from its segments.

What is mixed at a sample depends on that sample's number alone, and every addition is made in the
same order, so any partition of a stretch into steps gives the same bits.
"""

from __future__ import annotations

import numpy as np

from engine.api import REWIND_S, Audio, Steering
from engine.errors import BadValue
from engine.groove import steering as steers
from engine.groove.bank import Sound, SoundBank
from engine.groove.segment import DUCK_S, FADE_IN_S, FADE_OUT_S, WINDOW, Bus, Segment, Voice, Window
from engine.groove.tones import both

SOFT = np.float32(0.75)
"""Beyond this the sum is bent towards full scale, which it never reaches."""


class Ramps:
    """Fade curves `[n, 2]` by sample, for a rate."""

    def __init__(self, rate: int) -> None:
        x = np.linspace(0, np.pi / 2, int(FADE_IN_S * rate), endpoint=False)
        self.fade_in = both(np.sin(x))
        x = np.linspace(0, np.pi / 2, int(FADE_OUT_S * rate), endpoint=False)
        self.fade_out = both(np.cos(x))
        t = np.arange(int(DUCK_S * rate)) / (DUCK_S * rate)
        self._push = np.minimum(t / 0.02, np.cos(t * np.pi / 2) ** 1.5)
        self._ducks: dict[float, Audio] = {}

    def duck(self, depth: float) -> Audio:
        """The gain after a kick: down at once, without a click, and back within `DUCK_S`."""
        if depth not in self._ducks:
            self._ducks[depth] = both(1.0 - depth * self._push)
        return self._ducks[depth]


class GrooveStream:
    """One continuing piece of music; `engine.api.Stream`, with `step` and `onsets`."""

    def __init__(self, steering: Steering, bank: SoundBank, ramps: Ramps) -> None:
        self._bank = bank
        bank.users.add(self)
        self._ramps = ramps
        self._position = 0
        self._serial = 0
        self._segments = [steers.begin(0, steering, bank.rate, bank, self._serials(steering))]

    @property
    def position(self) -> int:
        return self._position

    def steer(self, steering: Steering) -> None:
        here = self._position
        serial = self._serials(steering)
        if self._segments[-1].start == here:
            self._segments.pop()
        if self._segments:
            base = self._segments[-1]
            self._segments.append(steers.follow(base, here, steering, self._bank, serial))
            base.forget_voices(self._segments[-1])
        else:
            self._segments = [steers.begin(here, steering, self._bank.rate, self._bank, serial)]

    def prepare(self) -> bool:
        return False

    def rewind(self, frame: int) -> None:
        oldest = self._segments[0].start
        if not oldest <= frame <= self._position:
            raise BadValue(
                f"rewind to frame {frame} is out of range {oldest}..{self._position}: "
                f"at least the last {REWIND_S:g} s are remembered"
            )
        while self._segments[-1].start > frame:
            self._segments.pop()
        self._position = frame

    def step(self, frames: int) -> Audio:
        """The next `frames` samples, `[frames, 2]`."""
        out = np.zeros((frames, 2), dtype=np.float32)
        begin = self._position
        segment = self._segments[-1]
        at = begin
        while at < begin + frames:
            until = min(begin + frames, _next_cut(segment, at))
            self._mix(segment, at, out[at - begin : until - begin])
            at = until
        self._position = at
        self._prune()
        return _soft_clip(out)

    def onsets(self, start: int, end: int) -> list[tuple[int, float, str]]:
        """(frame, beat, part) of every note that begins in `[start, end)`, as steered so far.

        Frames before what the stream remembers are not known.
        """
        found = []
        borders = [segment.start for segment in self._segments[1:]] + [end]
        for segment, border in zip(self._segments, borders, strict=True):
            first, last = max(start, segment.start), min(end, border)
            if first < last:
                found += [
                    (voice.onset, voice.beat, voice.part)
                    for voice in segment.sounding(first, last)
                    if first <= voice.onset < last and voice.fade_in < 0
                ]
        return sorted(found)

    def _serials(self, steering: Steering) -> int:
        """Numbers for new tracks, none used twice."""
        first = self._serial
        self._serial += len(steering.prompts) + 1
        return first

    def _prune(self) -> None:
        """Forget segments that no rewind within `REWIND_S` reaches."""
        oldest = self._position - int(2 * REWIND_S * self._bank.rate)
        while len(self._segments) > 1 and self._segments[1].start <= oldest:
            del self._segments[0]

    def _mix(self, segment: Segment, begin: int, out: Audio) -> None:
        """Add all voices to `out`, which begins at sample `begin` and crosses no border."""
        end = begin + len(out)
        window = segment.window(begin // WINDOW)
        scratch = np.empty_like(out)
        for bus in window.buses:
            track = segment.track(bus.track)
            gliding = track is not None and bus.law != "own" and not track.glide.over(begin)
            if not gliding and not bus.duck:
                gain = _gain(segment, bus, begin)
                self._mix_voices(segment, window, bus, gain, begin, out, scratch)
                continue
            part = np.zeros_like(out)
            gain = 1.0 if gliding else _gain(segment, bus, begin)
            self._mix_voices(segment, window, bus, gain, begin, part, scratch)
            if bus.duck:
                self._duck(window, bus, begin, part)
            if gliding:
                part *= _glide_curve(segment, bus, begin, end)
            out += part

    def _mix_voices(
        self,
        segment: Segment,
        window: Window,
        bus: Bus,
        gain: float,
        begin: int,
        out: Audio,
        scratch: Audio,
    ) -> None:
        end = begin + len(out)
        for voice in bus.voices:
            if voice.onset >= end or voice.end <= begin:
                continue
            first, last = max(begin, voice.onset), min(end, voice.end)
            sound = segment.sound(window, voice.key)
            scale = np.float32(voice.gain * gain)
            while first < last:
                source = _source(sound, first - voice.onset, last - first)
                n = len(source)
                if n == 0:
                    break
                part = np.multiply(source, scale, out=scratch[:n])
                if first + n > voice.off >= 0:
                    _fall(part, first - voice.off, sound.release)
                if voice.special:
                    self._fade(voice, first, part)
                target = out[first - begin : first - begin + n]
                target += part
                first += n

    def _fade(self, voice: Voice, first: int, part: Audio) -> None:
        """The fades of a change of steering, in place; `part` begins at sample `first`."""
        if voice.fade_in >= 0:
            rise = self._ramps.fade_in[first - voice.fade_in :][: len(part)]
            part[: len(rise)] *= rise
        if voice.dying >= 0:
            _fall(part, first - voice.dying, self._ramps.fade_out)

    def _duck(self, window: Window, bus: Bus, begin: int, part: Audio) -> None:
        """Push a bus down after each kick of its track."""
        kicks = window.kicks.get(bus.track)
        if not kicks:
            return
        shape = self._ramps.duck(bus.duck)
        curve = np.ones_like(part)
        for kick in kicks:
            low, high = max(begin, kick), min(begin + len(part), kick + len(shape))
            if low < high:
                piece = curve[low - begin : high - begin]
                np.minimum(piece, shape[low - kick : high - kick], out=piece)
        part *= curve


def _next_cut(segment: Segment, frame: int) -> int:
    """The next sample at which what is mixed changes by rule."""
    cut = (frame // WINDOW + 1) * WINDOW
    for track in segment.tracks:
        over = track.glide.start + track.glide.length
        if frame < over < cut:
            cut = over
    return cut


def _gain(segment: Segment, bus: Bus, frame: int) -> float:
    track = segment.track(bus.track)
    if bus.law == "own" or track is None:
        return 1.0
    share = track.glide.at(frame)
    return share if bus.law == "share" else share**0.5


def _glide_curve(segment: Segment, bus: Bus, begin: int, end: int) -> Audio:
    track = segment.track(bus.track)
    assert track is not None
    glide = track.glide
    t = (np.arange(begin, end) - glide.start) / glide.length
    share = np.maximum(glide.first + (glide.last - glide.first) * t, 0.0)
    return both(share if bus.law == "share" else np.sqrt(share))


def _source(sound: Sound, place: int, samples: int) -> Audio:
    """At most `samples` of a sound from `place` on; empty after its end."""
    head, loop = sound.head, sound.loop
    if place < len(head) or loop is None:
        return head[place : place + samples]
    turn = (place - len(head)) % len(loop)
    return loop[turn : turn + samples]


def _fall(part: Audio, offset: int, ramp: Audio) -> None:
    """Multiply by a falling ramp that began `offset` samples before `part`; then silence."""
    if offset < 0:
        part, offset = part[-offset:], 0
    piece = ramp[offset : offset + len(part)]
    n = len(piece)
    if n < len(part):
        part[n:] = 0
        part = part[:n]
    part *= piece


def _soft_clip(audio: Audio) -> Audio:
    """Peaks beyond `SOFT` bent to below 1; the rest untouched. Pure sample by sample."""
    size = np.abs(audio)
    if float(np.max(size, initial=0.0)) <= SOFT:
        return audio
    over = np.maximum(size - SOFT, 0)
    room = np.float32(1) - SOFT
    bent = SOFT + over * room / (over + room)
    return np.where(size > SOFT, np.copysign(bent, audio), audio)
