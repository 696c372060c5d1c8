"""What the demo measured, and whether it kept its promises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bridge.clips.wav import read_wav
from bridge.demo.events import Event
from bridge.demo.onsets import STEPS_A_BEAT, Fit, fit_passage
from bridge.demo.play import Played
from bridge.demo.story import LOOPS, PASSAGES, Passage
from engine.api import Audio

WORST_SAMPLES = 1.0
"""How far an onset may lie from the grid."""


@dataclass(frozen=True, slots=True)
class Heard:
    """From an OSC datagram to the first sample that it changed."""

    event: Event
    after_s: float | None
    """To that sample's leaving the device's ring; None if it never did."""


@dataclass(frozen=True, slots=True)
class Result:
    played: Played
    recording: str
    """File names inside the folder."""
    recorded_s: float
    clips: tuple[str, ...]
    fits: tuple[Fit | None, ...]
    """One for each of the story's passages."""
    heard: tuple[Heard, ...]

    @property
    def worst_samples(self) -> float:
        return max((fit.worst_samples for fit in self.fits if fit), default=float("inf"))

    def failures(self) -> list[str]:
        """What was promised and did not happen, one line each."""
        told = [e for e in self.played.events if e.kind == "heard"]
        lines = [
            f"{e.address}: " + " ".join(map(str, e.args))
            for e in told
            if e.address in ("/error", "/clip/failed")
        ]
        if not self.played.finished:
            lines.append("the client did not come to the end of the story")
        if not self.recording:
            lines.append("the master was not recorded")
        if len(self.clips) < len(LOOPS):
            lines.append(f"{len(self.clips)} loops were rendered, not {len(LOOPS)}")
        if self.recording and None in self.fits:
            lines.append("the kicks in the recording could not be measured")
        elif self.recording and self.worst_samples > WORST_SAMPLES:
            lines.append(
                f"an onset is {self.worst_samples:.1f} samples off the grid,"
                f" more than {WORST_SAMPLES:g}"
            )
        lines += [f"{h.event.address} was not heard" for h in self.heard if h.after_s is None]
        return lines


def result_of(played: Played, folder: Path) -> Result:
    """Measure what was played and recorded. Raises BadValue if the recording cannot be read."""
    files = _told(played.events, "/record/done")
    recording, recorded_s = (str(files[0].args[0]), files[0].args[1]) if files else ("", 0.0)
    fits: tuple[Fit | None, ...] = ()
    if recording:
        audio = read_wav(folder / recording).audio
        fits = tuple(_fit(audio, played, passage) for passage in PASSAGES)
    return Result(
        played=played,
        recording=recording,
        recorded_s=float(recorded_s or 0.0),
        clips=tuple(str(e.args[1]) for e in _told(played.events, "/clip/done")),
        fits=fits,
        heard=tuple(
            Heard(e, played.ear.after(e.at_s, sounds=e.effect == "sound"))
            for e in played.events
            if e.effect
        ),
    )


def _told(events: Sequence[Event], address: str) -> list[Event]:
    return [event for event in events if event.kind == "heard" and event.address == address]


def _fit(audio: Audio, played: Played, passage: Passage) -> Fit | None:
    """Measure one passage, which is found by the beats that the server told while it played."""
    beats = {event.place: event.at_s for event in _told(played.events, "/beat/str")}
    first_s, end_s = (beats.get("{}.{}".format(*place)) for place in (passage.first, passage.end))
    began_s = played.ear.recording_s
    if first_s is None or end_s is None or began_s is None:
        return None
    early_s = 60.0 / passage.bpm / STEPS_A_BEAT  # told a little late, and more on a busy machine
    first, end = (round((at_s - early_s - began_s) * played.rate) for at_s in (first_s, end_s))
    return fit_passage(audio[max(0, first) : end], played.rate, passage.bpm)
