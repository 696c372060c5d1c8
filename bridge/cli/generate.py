"""`sideman generate PROMPT...`: music into WAV files, as fast as the machine can."""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from pathlib import Path

from bridge.addresses import ROWS
from bridge.cli.progress import Progress
from bridge.clips.names import clip_name
from bridge.clips.render import render_clips, save_clip
from bridge.clips.request import ClipRequest
from bridge.engines import inline_engine
from bridge.time.clock import monotonic_s
from engine.api import EngineHandle, WeightedPrompt
from engine.errors import BadValue, NotAvailable

DEFAULT_S = 15.0
DEFAULT_BPM = 120.0
DEFAULT_RATE = 48000
"""The synthesiser works at any rate; this is a DAW's usual one."""


def run(arguments: argparse.Namespace) -> int:
    """Writes one file for each prompt, and prints its name and how fast it was made."""
    _refuse_what_comes_later(arguments)
    out: Path | None = arguments.out
    if out is not None and len(arguments.prompts) > 1 and out.suffix.lower() == ".wav":
        raise BadValue(f"{len(arguments.prompts)} prompts do not fit in {out}: name a folder")
    requests = [_request(arguments, prompt) for prompt in arguments.prompts]
    if arguments.batch_size < 1:
        raise BadValue(f"--batch-size {arguments.batch_size} is out of range, at least 1")
    handle = inline_engine(arguments.engine, _rate(arguments))
    try:
        for first in range(0, len(requests), arguments.batch_size):
            _make(requests[first : first + arguments.batch_size], handle, out)
    finally:
        handle.shutdown()
    return 0


def _refuse_what_comes_later(arguments: argparse.Namespace) -> None:
    for name in ("continue_from", "melody", "master"):
        if getattr(arguments, name):
            option = name.replace("_", "-")
            raise NotAvailable(f"--{option} is not available yet: it comes with musicgen")


def _rate(arguments: argparse.Namespace) -> int:
    rate: int = DEFAULT_RATE if arguments.rate is None else arguments.rate
    if not 8000 <= rate <= 192_000:
        raise BadValue(f"--rate {rate} is out of range 8000..192000")
    return rate


def _request(arguments: argparse.Namespace, prompt: str) -> ClipRequest:
    seed = _checked("seed", arguments.seed)
    bpm = arguments.bpm or (DEFAULT_BPM if arguments.bars else 0.0)
    if arguments.bars is not None and arguments.bars < 1:
        raise BadValue(f"--bars {arguments.bars} is out of range, at least 1")
    return ClipRequest(
        prompts=(WeightedPrompt(prompt),),
        bars=arguments.bars or 0,
        bpm=bpm,
        seed=random.randrange(2**31) if seed == -1 else int(seed),
        temperature=_checked("temperature", arguments.temperature),
        top_k=int(_checked("top_k", arguments.top_k)),
        guidance=_checked("guidance", arguments.guidance),
        seconds=0.0 if arguments.bars else _seconds(arguments),
    )


def _seconds(arguments: argparse.Namespace) -> float:
    return DEFAULT_S if arguments.seconds is None else float(arguments.seconds)


def _checked(name: str, value: float) -> float:
    """`value` if a deck would take it, too."""
    row = next(row for row in ROWS if row.path == f"/deck/N/{name}")
    (checked,) = row.take([value])
    assert isinstance(checked, int | float)
    return checked


def _make(requests: Sequence[ClipRequest], handle: EngineHandle, out: Path | None) -> None:
    began_s = monotonic_s()
    with Progress(" + ".join(request.text for request in requests)) as progress:
        clips = render_clips(handle, requests, progress.show)
    spent_s = monotonic_s() - began_s
    for request, audio in zip(requests, clips, strict=True):
        written = save_clip(_path(request, out), audio, request, handle.info)
        seconds = len(audio) / handle.info.rate
        print(f"{written.path}  {seconds:.2f} s, seed {request.seed}")
    total_s = sum(len(audio) for audio in clips) / handle.info.rate
    progress.say(f"{handle.info.name} ({handle.info.notice}): {total_s / spent_s:.0f} x real time")


def _path(request: ClipRequest, out: Path | None) -> Path:
    if out is not None and out.suffix.lower() == ".wav":
        return out
    folder = Path() if out is None else out
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadValue(
            f"{folder} cannot be made ({error.strerror}): name another with -o"
        ) from None
    return folder / clip_name(request.text, request.bpm, request.bars, request.seed)
