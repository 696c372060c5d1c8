"""`sideman generate PROMPT...`: music into WAV files, as fast as the machine can."""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from bridge.addresses import ROWS
from bridge.cli.progress import Progress
from bridge.clips.files import shown
from bridge.clips.loudness import library
from bridge.clips.names import clip_name
from bridge.clips.opening import Opening, read_opening
from bridge.clips.render import render_clips
from bridge.clips.request import ClipRequest
from bridge.clips.save import save_clip
from bridge.clips.spool import Spool
from bridge.decks.words import Words, key_of
from bridge.engines import EngineChoice, described, inline_engine
from bridge.time.clock import monotonic_s
from engine.api import EngineHandle, EngineInfo, WeightedPrompt
from engine.errors import BadValue, NotAvailable, SidemanError

DEFAULT_S = 15.0
DEFAULT_BPM = 120.0

Failures = list[tuple[ClipRequest, SidemanError]]


def run(arguments: argparse.Namespace) -> int:
    """Writes one file for each prompt, and prints its name once it is there.

    A prompt that fails is named on stderr, and costs the others nothing: 1 is returned then.
    """
    _check(arguments)
    requests = _requests(arguments)
    if arguments.master:
        library()  # what is missing is better said now than once the music is made
    handle = inline_engine(EngineChoice.of(arguments), arguments.rate)
    if handle.info.name == "musicgen":  # whose weights these are must be known, in a pipe too
        print(f"sideman: {described(handle.info)}", file=sys.stderr)
    failures: Failures = []
    try:
        for first in range(0, len(requests), arguments.batch_size):
            failures += _make(requests[first : first + arguments.batch_size], handle, arguments.out)
    finally:
        handle.shutdown()
    return _tell(failures, len(requests))


def _tell(failures: Failures, asked: int) -> int:
    """Name what failed; returns the exit status. Raises the error if it was all that was asked."""
    for request, error in failures:
        if asked == 1:
            raise error
        print(f"sideman: {shown(request.text)}: {error}", file=sys.stderr)
    return 1 if failures else 0


def _check(arguments: argparse.Namespace) -> None:
    """Raises BadValue for what no engine has to be loaded to refuse."""
    if arguments.melody:
        raise NotAvailable("--melody is not available yet: it comes with a later version")
    out: Path | None = arguments.out
    if out is not None and len(arguments.prompts) > 1 and out.suffix.lower() == ".wav":
        raise BadValue(f"{len(arguments.prompts)} prompts do not fit in {out}: name a folder")
    if arguments.bars is not None and arguments.bars < 1:
        raise BadValue(f"--bars {arguments.bars} is out of range, at least 1")
    if arguments.batch_size < 1:
        raise BadValue(f"--batch-size {arguments.batch_size} is out of range, at least 1")
    if arguments.rate is not None and not 8000 <= arguments.rate <= 192_000:
        raise BadValue(f"--rate {arguments.rate} is out of range 8000..192000")


def _requests(arguments: argparse.Namespace) -> list[ClipRequest]:
    path: Path | None = arguments.continue_from
    opening = read_opening(path) if path else None
    return [_request(arguments, prompt, opening) for prompt in arguments.prompts]


def _request(arguments: argparse.Namespace, prompt: str, opening: Opening | None) -> ClipRequest:
    seed = _checked("seed", arguments.seed)
    bpm = arguments.bpm or (DEFAULT_BPM if arguments.bars else 0.0)
    seconds = DEFAULT_S if arguments.seconds is None else float(arguments.seconds)
    return ClipRequest(
        prompts=(WeightedPrompt(prompt),),
        bars=arguments.bars or 0,
        bpm=bpm,
        seed=random.randrange(2**31) if seed == -1 else int(seed),
        temperature=_checked("temperature", arguments.temperature),
        top_k=int(_checked("top_k", arguments.top_k)),
        guidance=_checked("guidance", arguments.guidance),
        seconds=0.0 if arguments.bars else seconds,
        words=_words(arguments),
        opening=opening,
        master=arguments.master,
        bits=arguments.bits,
    )


def _words(arguments: argparse.Namespace) -> str:
    """What goes with the prompts: a tempo only if one was named."""
    words = Words(key_of(arguments.key), on=not arguments.as_typed)
    if arguments.bpm:
        return words.at(arguments.bpm)
    return words.key if words.on else ""


def _checked(name: str, value: float) -> float:
    """`value` if a deck would take it, too."""
    row = next(row for row in ROWS if row.path == f"/deck/N/{name}")
    (checked,) = row.take([value])
    assert isinstance(checked, int | float)
    return checked


def _make(requests: Sequence[ClipRequest], handle: EngineHandle, out: Path | None) -> Failures:
    """One file for each request, made in one pass; returns those that failed, and why."""
    begun_s = monotonic_s()
    paths = [_path(request, out) for request in requests]
    failures: Failures = []
    made_s = 0.0
    with Progress(*(shown(request.text) for request in requests)) as progress:

        def show(index: int, done: float) -> None:
            progress.show(done, index)

        for index, sound in render_clips(handle, requests, paths[0].parent, show):
            try:
                line = _save(paths[index], sound, requests[index], handle.info)
            except SidemanError as error:
                failures.append((requests[index], error))
                continue
            made_s += requests[index].length_s
            progress.clear()
            print(line, flush=True)
    speed = made_s / (monotonic_s() - begun_s)
    progress.say(f"{described(handle.info)}: {speed:.1f} x real time")
    return failures


def _save(path: Path, sound: Spool | SidemanError, request: ClipRequest, engine: EngineInfo) -> str:
    """Write a clip; returns the line that says so. Raises what it failed of."""
    if isinstance(sound, SidemanError):
        raise sound
    saved = save_clip(path, sound, request, engine)
    line = f"{saved.path}  {len(sound) / engine.rate:.2f} s, seed {request.seed}"
    if saved.mastered:
        line += f", {saved.mastered.lufs:.1f} LUFS"
    if saved.warning:
        print(f"sideman: {saved.path.name} {saved.warning}", file=sys.stderr)
    return line


def _path(request: ClipRequest, out: Path | None) -> Path:
    if out is not None and out.suffix.lower() == ".wav":
        return out
    name = clip_name(request.text, request.bpm, request.bars, request.seed)
    return (out or Path()) / name
