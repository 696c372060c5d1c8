"""A stretch of a stream under one steering: which tracks sound, and the voices of any moment.

A *track* is a prompt that is playing. A *voice* is one note of it placed on samples. Voices that
were sounding when a segment began are carried into it, so no segment needs the one before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from engine.api import Steering
from engine.groove.bank import Sound, SoundBank, SoundKey
from engine.groove.notes import Note
from engine.groove.score import Layer
from engine.groove.tempo import Tempo

WINDOW = 16_384
"""Samples for which a list of voices is made at a time."""
FADE_OUT_S = 0.12
FADE_IN_S = 0.005
LONGEST_TAIL_S = 4.5
"""No sound rings longer than this after its onset or its note's end."""
BREATH_S = 0.15
"""A note that is held because nobody else plays is let go so long before the next."""
DUCK_S = 0.3
KEPT_BARS = 40
_DUCKED = frozenset(("bass", "pad", "chords", "arp", "texture"))


class Glide(NamedTuple):
    """A share of the blend that moves linearly from `first` to `last`."""

    start: int
    length: int
    first: float
    last: float

    def at(self, frame: int) -> float:
        if frame >= self.start + self.length:
            return self.last
        return self.first + (self.last - self.first) * ((frame - self.start) / self.length)

    def over(self, frame: int) -> bool:
        return frame >= self.start + self.length


class Track(NamedTuple):
    ident: int
    layer: Layer
    glide: Glide
    floor: float
    """Notes before this beat have been played, or are not to be."""
    enters: bool
    """It began with this segment: what would be sounding fades in."""


@dataclass(frozen=True, slots=True)
class Voice:
    """One note on samples. `off` is where it is let go, `end` where it is gone."""

    key: SoundKey
    track: int
    part: str
    beat: float
    onset: int
    off: int
    end: int
    gain: float
    duck: float
    """How far its track's kick pushes it down, 0..1."""
    shared: bool = False
    """Another track strikes the same drum on the same sample."""
    fade_in: int = -1
    dying: int = -1

    @property
    def special(self) -> bool:
        """A change of steering fades it."""
        return self.dying >= 0 or self.fade_in >= 0

    @property
    def kick(self) -> bool:
        return self.key.name.endswith(":kick")


class Bus(NamedTuple):
    """Voices that share one gain."""

    track: int
    law: str
    """`root` of the track's share, `share` itself, or `own` (frozen in the voices)."""
    duck: float
    voices: tuple[Voice, ...]


class Window(NamedTuple):
    buses: tuple[Bus, ...]
    kicks: dict[int, tuple[int, ...]]
    """Onsets by track."""
    sounds: dict[SoundKey, Sound]
    """What has been heard in it, held so that it is at hand for the next step."""


class Segment:
    """From `start` until another segment begins."""

    def __init__(
        self,
        start: int,
        steering: Steering,
        tempo: Tempo,
        tracks: tuple[Track, ...],
        carried: tuple[Voice, ...],
        bank: SoundBank,
    ) -> None:
        self.start = start
        self.steering = steering
        self.tempo = tempo
        self.tracks = tracks
        self.carried = carried
        self._bank = bank
        self._bars: dict[int, tuple[Voice, ...]] = {}
        self._windows: dict[int, Window] = {}

    def track(self, ident: int) -> Track | None:
        return next((track for track in self.tracks if track.ident == ident), None)

    def sound(self, window: Window, key: SoundKey) -> Sound:
        """A sound that plays in `window`."""
        sound = window.sounds.get(key)
        if sound is None:
            sound = window.sounds[key] = self._bank.get(key)
        return sound

    def window(self, index: int) -> Window:
        """Voices that sound within samples `index * WINDOW` and the next."""
        if index not in self._windows:
            while len(self._windows) > 2:
                del self._windows[next(iter(self._windows))]
            self._windows[index] = self._make_window(index)
        return self._windows[index]

    def forget_voices(self, successor: Segment) -> None:
        """Free what can be made again: another segment has taken over."""
        self._bars.clear()
        self._windows.clear()
        going_on = {id(track.layer) for track in successor.tracks}
        for track in self.tracks:
            if id(track.layer) not in going_on:
                track.layer.forget()

    def sounding(self, begin: int, end: int) -> Iterator[Voice]:
        """Voices that sound somewhere in `[begin, end)`, in canonical order."""
        for voice in self.carried:
            if voice.onset < end and voice.end > begin:
                yield voice
        for bar in self._bars_near(begin, end):
            for voice in self.bar(bar):
                if voice.onset < end and voice.end > begin:
                    yield voice

    def _bars_near(self, begin: int, end: int) -> range:
        reach = int(LONGEST_TAIL_S * self.tempo.rate)
        first = self.tempo.beat_of(max(begin - reach, self.start) - 1)
        if begin - reach <= self.start and self.tracks:
            first = min(first, min(track.floor for track in self.tracks))
        return range(self.tempo.bar_of(first), self.tempo.bar_of(self.tempo.beat_of(end)) + 1)

    def bar(self, number: int) -> tuple[Voice, ...]:
        """The voices of a bar's notes in all tracks."""
        if number not in self._bars:
            while len(self._bars) >= KEPT_BARS:
                del self._bars[next(iter(self._bars))]
            found = [voice for track in self.tracks for voice in self._place(track, number)]
            self._bars[number] = tuple(_mark_shared(found) if len(self.tracks) > 1 else found)
        return self._bars[number]

    def _place(self, track: Track, bar: int) -> Iterator[Voice]:
        tempo = self.tempo
        start = tempo.bar_start(bar)
        for note in track.layer.bar(bar, tempo.timing.beats_per_bar):
            beat = start + note.beat
            onset = tempo.frame_of(beat)
            off = tempo.frame_of(beat + note.length) if note.length else -1
            if note.until:
                off = max(off, tempo.frame_of(start + note.until) - int(BREATH_S * tempo.rate))
            if beat >= track.floor:
                yield self._voice(track, note, beat, max(onset, self.start), off)
            elif track.enters and note.length and off > self.start:
                voice = self._voice(track, note, beat, onset, off)
                yield replace(voice, fade_in=self.start)

    def _voice(self, track: Track, note: Note, beat: float, onset: int, off: int) -> Voice:
        band = track.layer.band
        style = band.style
        hard = int(note.velocity > 0.55 and track.layer.reading.brightness >= 0) or int(
            note.velocity > 0.3 and track.layer.reading.brightness > 0
        )
        key = SoundKey(note.sound, note.pitch, hard, style.space, note.pan)
        if off >= 0:
            off = max(off, onset + 1)
            end = off + self._bank.release_samples(key.name, key.space)
        else:
            end = onset + int(LONGEST_TAIL_S * self.tempo.rate)
        gain = note.velocity**1.3 * 10 ** ((note.level_db + style.level_db) / 20)
        duck = style.duck if note.part in _DUCKED else 0.0
        return Voice(key, track.ident, note.part, beat, onset, off, end, gain, duck)

    def _make_window(self, index: int) -> Window:
        buses: dict[tuple[int, str, float], list[Voice]] = {}
        kicks: dict[int, list[int]] = {}
        for voice in self.sounding(index * WINDOW, (index + 1) * WINDOW):
            if self._over(voice, index * WINDOW):
                continue
            law = "own" if voice.dying >= 0 else "share" if voice.shared else "root"
            buses.setdefault((voice.track, law, voice.duck), []).append(voice)
            if voice.kick:
                kicks.setdefault(voice.track, []).append(voice.onset)
        # Sorted, so that sums are made in the same order whatever is known to be silent already.
        made = tuple(
            Bus(*key, tuple(voices)) for key, voices in sorted(buses.items(), key=_bus_order)
        )
        return Window(made, {track: tuple(found) for track, found in kicks.items()}, {})

    def _over(self, voice: Voice, frame: int) -> bool:
        """Whether a voice is known to be silent from `frame` on."""
        if voice.off < 0:
            length = self._bank.length(voice.key)
            ducks = voice.onset + int(DUCK_S * self.tempo.rate)
            return length is not None and max(voice.onset + length, ducks) <= frame
        if voice.dying < 0:
            track = self.track(voice.track)
            return track is None or (track.glide.last == 0 and track.glide.over(frame))
        return False


def _bus_order(item: tuple[tuple[int, str, float], list[Voice]]) -> tuple[int, str, float]:
    return item[0]


def _mark_shared(voices: list[Voice]) -> list[Voice]:
    """Mark drums that more than one track strikes at once: their gains add up to 1, not to 1.4."""
    struck: dict[tuple[str, int], set[int]] = {}
    for voice in voices:
        if voice.part == "drums":
            struck.setdefault((voice.key.name.split(":")[1], voice.onset), set()).add(voice.track)
    return [
        replace(voice, shared=True)
        if voice.part == "drums" and len(struck[voice.key.name.split(":")[1], voice.onset]) > 1
        else voice
        for voice in voices
    ]
