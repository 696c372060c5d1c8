"""`sideman watch`: each clip as it is finished, printed or handed on."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from threading import Event

from bridge.cli.interrupt import until_interrupted
from bridge.clips.folder import Arrival
from bridge.handing.audacity import import_clip
from bridge.handing.command import Command
from bridge.handing.watching import arrivals
from engine.errors import BadValue, SidemanError

_Hand = Callable[[Arrival], None]


def run(arguments: argparse.Namespace) -> int:
    """0 once it is interrupted."""
    stopping = until_interrupted()
    hand = _hand(arguments, stopping)
    for arrival in arrivals(arguments.clips, stopping, arguments.all, _say):
        try:
            hand(arrival)
        except SidemanError as error:
            _say(str(error))
    return 0


def _hand(arguments: argparse.Namespace, stopping: Event) -> _Hand:
    """What is done with each clip. Raises BadValue."""
    if bool(arguments.command) + (arguments.to is not None) + arguments.json > 1:
        raise BadValue("--json, --to and a command: one of them, as each says what to do")
    if arguments.command:
        command = Command(arguments.command, stopping)
        return lambda arrival: _run(command, arrival)
    if arguments.to == "audacity":
        return _into_audacity
    return _print_json if arguments.json else _print


def _print(arrival: Arrival) -> None:
    print(arrival.path, flush=True)


def _print_json(arrival: Arrival) -> None:
    told = {"path": str(arrival.path), "kind": arrival.kind, "seconds": arrival.seconds}
    if info := arrival.info:
        told |= {"bpm": info.bpm, "bars": info.bars, "prompt": info.prompt, "seed": info.seed}
    print(json.dumps(told), flush=True)


def _run(command: Command, arrival: Arrival) -> None:
    if fault := command.run(arrival.path):
        _say(fault)


def _into_audacity(arrival: Arrival) -> None:
    import_clip(arrival.path)
    _print(arrival)


def _say(line: str) -> None:
    print(f"sideman: {line}", file=sys.stderr, flush=True)
