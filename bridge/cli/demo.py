"""`sideman demo`: the whole chain once, over its own OSC port."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

import numpy as np

from bridge.app import App
from bridge.audio.thread import go_before_others
from bridge.cli.replay import replay
from bridge.config import Config
from bridge.demo.events import Event
from bridge.demo.following import FROM_BPM, TO_BPM, Followed, follow
from bridge.demo.keeping import keep
from bridge.demo.play import play
from bridge.demo.replaying import SESSION, replay_table
from bridge.demo.replaying import replay as replay_host
from bridge.demo.report import line_of, table
from bridge.demo.result import Result, result_of
from bridge.demo.story import BARS
from bridge.demo.warping import warp
from bridge.engines import EngineChoice
from bridge.presets import preset_file
from bridge.warp.file import Warped

NO_SOUND = "null"
FOLLOWED_MS = 10.0
"""A busy machine must not fail the demo; a beat that is off is off by a hundred."""


def run(arguments: argparse.Namespace) -> int:
    """0 if all that it promises happened, 1 if not, with a line for each thing that did not."""
    folder: Path = arguments.clips
    # Whatever is installed: the figures are about time, which a model does not keep.
    config = Config(
        engine=EngineChoice("groove"), osc_port=0, tcp_port=0, output=arguments.output,
        clips=folder, midi=False,
    )  # fmt: skip
    if arguments.replay is not None:
        return _driven(config, arguments.dialect, arguments.replay)
    print(
        f"sideman demo: a server, and a client in another process that plays {BARS} bars on it"
        " over OSC,\nin half a minute; then a host that it follows, and a recording brought to a"
        " tempo.\nThe music comes from groove, a synthesiser, no AI.\n",
        flush=True,
    )
    go_before_others()
    played = play(config, _ready, _told)
    print(f"\na host leads from {FROM_BPM:g} to {TO_BPM:g} BPM ...", flush=True)
    followed = follow(config)
    warped = warp(folder)
    result = result_of(played, folder)
    failures = [*result.failures(), *_broken(followed, warped)]
    replayed = _replay(result, folder, failures)
    print("\n" + "\n".join(table(result, followed, warped, folder, replayed)))
    for line in failures:
        print(f"FAILED    {line}")
    if played.output == NO_SOUND:
        print("\nPlayed without a sound device: the files are the result.")
    print(f"\n{_next_steps()}")
    if arguments.keep:
        keep(config, _invite)
    return int(bool(failures))


def _driven(config: Config, dialect: str, recording: str) -> int:
    """The demo driven by a host; 0 if what it asked for happened, else 1."""
    own = Path(recording)
    file = own if own.is_file() else preset_file(recording, SESSION)
    print(f"sideman demo: a server that speaks {dialect}, and a host in another process: {file}\n")
    go_before_others()
    replayed = replay_host(config, dialect, file, _ready)
    print("\n".join(replay_table(replayed, config.clips)))
    failures = replayed.failures()
    for line in failures:
        print(f"FAILED    {line}")
    return int(bool(failures))


def _broken(followed: Followed, warped: Warped) -> list[str]:
    """What was promised of the second and the third act and did not happen."""
    lines = []
    if not followed.errors_ms or np.median(np.abs(followed.errors_ms)) > FOLLOWED_MS:
        lines.append("the kicks do not lie on the beats of the host that was followed")
    if warped.state != "locked":
        lines.append(f"{warped.path} has no clear beat")
    return lines


def _ready(app: App) -> None:
    output = app.conductor.output
    where = f"osc {app.config.host}:{app.osc.udp_port}"
    print(
        f"ready     {where}, output {output.name}, {output.rate} Hz, block {output.block}",
        flush=True,
    )


def _told(event: Event) -> None:
    line = line_of(event)
    if line:
        print(line, flush=True)


def _replay(result: Result, folder: Path, failures: list[str]) -> str:
    """Make the first loop again, and say how it compares; a difference is a failure."""
    if not result.clips:
        return "nothing to replay"
    replayed = replay(folder / result.clips[0])
    if replayed.same:
        return f"{replayed.path}  the same samples as the first loop"
    failures.append(f"{replayed.path} differs from {result.clips[0]} by {replayed.peak_error:g}")
    return f"{replayed.path}  differs by {replayed.peak_error:g}"


def _invite(link: str) -> None:
    print(f"\nThe console is at {link} until you press Ctrl-C: open it in a browser.", flush=True)


def _next_steps() -> str:
    # `.venv/bin/sideman` for who has come here by `make demo`.
    typed = "sideman" if shutil.which("sideman") else sys.argv[0]
    name = typed if Path(typed).stem == "sideman" else "sideman"
    steps = (
        ("serve", "a server of your own"),
        ('send /deck/1/prompt "lofi hip hop"', "in another terminal; then send /deck/1/play"),
        ('generate "reggae, organ" --bars 4', "a loop, without a server"),
        ("demo --keep", "this again, then a page to play on (make demo KEEP=1)"),
    )
    return "\n".join(["Try next:", *(f"  {name} {words:38s} {says}" for words, says in steps)])
