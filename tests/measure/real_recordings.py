"""How well the tempo lock does on real recordings; librosa, which knows nothing of it, judges.

Not a test: it needs music and a large library that nothing else here does, and it reports instead
of passing. The recordings are those of games that Debian has packaged, so that everyone can have
them. To repeat it, on Debian 12 or later:

    python3 -m venv /tmp/judge && /tmp/judge/bin/pip install librosa soundfile
    apt-get install --no-install-recommends ffmpeg PACKAGES    # `--packages` prints their names
    /tmp/judge/bin/python tests/measure/real_recordings.py     # some seconds for each recording

Or name recordings of your own. A minute of each is cut out, librosa says what its tempo is, and
`sideman warp` brings it to one some per cent off, faster and slower by turns. librosa then looks
for beats in the original and in the result. Their errors are distances to the nearest beat of a
grid at the wanted tempo:

- before: of the original's beats, from a grid laid through the first of them;
- one ratio: of the original's beats played faster or slower by the one constant ratio that fits
  them best, which is what a DAW that is told the tempo does;
- after: of the result's beats, from the grid that it was brought to;
- on it: the share of those that are within an eighth of a beat;
- onsets: of the onset nearest to each beat of that grid within a quarter of a beat: a second judge,
  as a beat tracker smooths what it finds, and may lose the beat. It cannot tell beats from
  off-beats, which `on it` does.

librosa finds beats later than they are by some ms that differ from piece to piece, or on the
off-beat throughout; so the median of the signed errors is taken away once for each column but the
first, and that of `after` is shown as `offset`. It is given a hop of 128 samples at 22050 Hz, so
what it finds has steps of 5.8 ms. Nothing else is corrected: where librosa loses the beat, that
counts as the lock's error.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.float64]
"""Seconds, `[events]`."""

RATE, HOP = 22050, 128
"""librosa's own rate, and a finer step than its usual 512 samples."""
SKIP_S, LENGTH_S = 20.0, 60.0
"""Of each recording: introductions often have no beat."""
FACTORS = (1.06, 0.95, 1.04, 0.93)
"""Of the recording's tempo, by turns."""
SIDEMAN = Path(__file__).parents[2] / ".venv" / "bin" / "sideman"

RECORDINGS = {
    "asc-music": ("games/asc/music", "frontiers.mp3, time_to_strike.mp3"),
    "drascula-music": ("scummvm/drascula/audio", "track1.ogg, track3.ogg, track6.ogg"),
    "extremetuxracer-data": (
        "games/etr/music",
        "calmrace-ks.ogg, credits1-cp.ogg, race1-jt.ogg, spunkyrace-ks.ogg",
    ),
    "fretsonfire-songs-muldjord": (
        "games/fretsonfire/data/songs/muldjord",
        "armygeddon/song.ogg, chaos_god/song.ogg",
    ),
    "fretsonfire-songs-sectoid": (
        "games/fretsonfire/data/songs/sectoid",
        "War of freedom/song.ogg",
    ),
    "frozen-bubble-data": ("games/frozen-bubble/snd", "frozen-mainzik-1p.ogg"),
    "hyperrogue-music": (
        "hyperrogue/music",
        "hr3-caves.ogg, hr3-crossroads.ogg, hr3-icyland.ogg, hr3-laboratory.ogg, hr3-motion.ogg",
    ),
    "planetblupi-music-ogg": (
        "planetblupi/music",
        "music000.ogg, music005.ogg, music007.ogg, music009.ogg",
    ),
    "singularity-music": (
        "games/singularity/music",
        "Deprecation.ogg, Media Threat.ogg, Orbital Elevator.ogg, lose/Chimes They Fade.ogg",
    ),
    # Orchestra, pads and wind.
    "wesnoth-1.16-music": (
        "games/wesnoth/1.16/data/core/music",
        "love_theme.ogg, revelation.ogg, transience.ogg",
    ),
    "flare-game": (
        "games/flare/mods/fantasycore/music",
        "cave_theme.ogg, dungeon_theme.ogg, forest_theme.ogg, magical_theme.ogg, wind_ambient.ogg",
    ),
}
"""By package: a folder of /usr/share, and files in it."""

_LOCKED = re.compile(r"(\d+) % locked")


@dataclass(frozen=True, slots=True)
class Spread:
    """Of errors, in ms, without their sign."""

    median_ms: float
    p95_ms: float

    def __str__(self) -> str:
        return f"{self.median_ms:.0f}, {self.p95_ms:.0f}"


@dataclass(frozen=True, slots=True)
class Row:
    """One recording."""

    name: str
    own_bpm: float
    target_bpm: float
    verdict: str
    """What `sideman warp` said."""
    before: Spread
    one_ratio: Spread
    after: Spread
    on_it: float
    """The share of `after`."""
    onsets: Spread
    offset_ms: float
    """That was taken away from `after`."""

    @property
    def cells(self) -> list[str]:
        locked = _LOCKED.search(self.verdict)
        after = [f"{self.after}", f"{100 * self.on_it:.0f} %", f"{self.onsets}"]
        return [
            self.name,
            f"{self.own_bpm:.1f} → {self.target_bpm:g}",
            f"{locked[1]} %" if locked else "free",
            f"{self.before}",
            f"{self.one_ratio}",
            *([*after, f"{self.offset_ms:+.0f}"] if locked else ["–"] * 4),
        ]


def run() -> int:
    """Print the table, row by row."""
    arguments = _arguments()
    if arguments.packages:
        print(*RECORDINGS)
        return 0
    print("| recording | BPM | locked | before | one ratio | after | on it | onsets | offset |")
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, path) in enumerate(_recordings(arguments.recordings)):
            factor = FACTORS[number % len(FACTORS)]
            row = measure(name, path, factor, arguments.sideman, Path(folder))
            print(f"| {' | '.join(row.cells)} |", flush=True)
            print(f"{name}: {row.verdict}", file=sys.stderr)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="sideman's tempo lock on real recordings")
    parser.add_argument("recordings", nargs="*", type=Path, help="default: those of the packages")
    parser.add_argument("--packages", action="store_true", help="print the packages' names only")
    parser.add_argument("--sideman", type=Path, default=SIDEMAN, help=f"default: {SIDEMAN}")
    return parser.parse_args()


def _recordings(named: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Names and paths."""
    if named:
        yield from ((path.name, path) for path in named)
        return
    for package, (folder, files) in RECORDINGS.items():
        for file in files.split(", "):
            path = Path("/usr/share") / folder / file
            if path.exists():
                yield f"{package}: {Path(file).with_suffix('')}", path
            else:
                print(f"{path} is missing: install {package}", file=sys.stderr)


def measure(name: str, source: Path, factor: float, sideman: Path, folder: Path) -> Row:
    """Warp a minute of `source` to `factor` times its tempo, and judge that; WAV files of it are
    left in `folder`."""
    excerpt, warped = folder / "excerpt.wav", folder / "warped.wav"
    warped.unlink(missing_ok=True)  # sideman writes over nothing
    cut = ["-ss", f"{SKIP_S:g}", "-t", f"{LENGTH_S:g}", "-i", str(source), "-ac", "2"]
    subprocess.run(["ffmpeg", "-v", "error", "-y", *cut, str(excerpt)], check=True)
    wave = _load(excerpt)
    own_bpm, beats = track(wave)
    target_bpm = round(factor * own_bpm)
    tempos = ["--bpm", str(target_bpm), "--from-bpm", f"{own_bpm:.1f}"]
    command = [str(sideman), "warp", str(excerpt), *tempos, "-o", str(warped)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    result = _load(warped)
    period_s = 60.0 / target_bpm
    after = off(track(result, target_bpm)[1], period_s)
    nearest = nearest_onsets(result, period_s)
    return Row(
        name,
        own_bpm,
        target_bpm,
        said.removeprefix(f"{warped}  ").strip(),
        spread(off(beats - beats[0], period_s)),
        spread(_centred(off(at_one_ratio(beats, period_s), period_s), period_s)),
        spread(centred := _centred(after, period_s)),
        float(np.mean(np.abs(centred) < period_s / 8)),
        spread(_centred(nearest, period_s)),
        1000.0 * _middle(after, period_s),
    )


def _load(path: Path) -> NDArray[np.float32]:
    """Mono, at `RATE`, float32 `[samples]`."""
    import librosa

    wave: NDArray[np.float32] = librosa.load(path, sr=RATE, mono=True)[0]
    return wave


def track(wave: NDArray[np.float32], start_bpm: float = 120.0) -> tuple[float, Times]:
    """The tempo and the beats that librosa finds; `start_bpm`: about where it looks."""
    import librosa

    tempo, beats = librosa.beat.beat_track(
        y=wave, sr=RATE, hop_length=HOP, start_bpm=start_bpm, units="time"
    )
    return float(np.ravel(tempo)[0]), np.asarray(beats, np.float64)


def nearest_onsets(wave: NDArray[np.float32], period_s: float) -> Times:
    """How far from each beat of the grid the onset is that is nearest to it, if that is within a
    quarter of a beat."""
    import librosa

    onsets = librosa.onset.onset_detect(y=wave, sr=RATE, hop_length=HOP, units="time")
    grid = period_s * np.arange(int(len(wave) / RATE / period_s))
    distances = np.asarray(onsets)[None, :] - grid[:, None]  # [beats, onsets]
    nearest = distances[np.arange(len(grid)), np.abs(distances).argmin(axis=1)]
    near: Times = nearest[np.abs(nearest) < period_s / 4]
    return near


def at_one_ratio(beats: Times, period_s: float) -> Times:
    """Played at the constant ratio that brings them nearest to a beat each `period_s`."""
    intervals = np.diff(beats)
    numbers = np.concatenate([[0.0], np.cumsum(np.round(intervals / np.median(intervals)))])
    slope, begin = np.polyfit(numbers, beats, 1)
    played: Times = (beats - begin) / slope * period_s
    return played


def off(times: Times, period_s: float) -> Times:
    """Seconds from the nearest beat of a grid from 0 on, signed."""
    distances: Times = times - np.round(times / period_s) * period_s
    return distances


def _middle(errors: Times, period_s: float) -> float:
    """Their median, where half a beat early and half a beat late are the same."""
    turns = np.exp(2j * np.pi * errors / period_s)
    middle = float(np.angle(turns.mean())) / (2 * np.pi) * period_s
    return middle + float(np.median(off(errors - middle, period_s)))


def _centred(errors: Times, period_s: float) -> Times:
    return off(errors - _middle(errors, period_s), period_s)


def spread(errors: Times) -> Spread:
    """Of signed errors in seconds."""
    ms = 1000.0 * np.abs(errors)
    return Spread(float(np.median(ms)), float(np.percentile(ms, 95)))


if __name__ == "__main__":
    sys.exit(run())
