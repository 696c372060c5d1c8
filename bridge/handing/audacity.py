"""Clips into the running Audacity, through its script pipe (mod-script-pipe).

Threading: one thread at a time; Audacity answers one command after another.
"""

from __future__ import annotations

import os
from pathlib import Path

import psutil

from bridge.clips.files import shown
from bridge.clips.wav import open_wav
from bridge.handing.pipes import END, NoAnswer, ask
from engine.errors import BadValue, SidemanError

PATIENCE_S = 30.0
"""A clip is imported in a tenth of a second, an hour's recording in some."""

LINE_BYTES = 1000
"""Audacity reads a command into 1024 bytes, and would take the rest for the next command."""

ENABLE = "Edit > Preferences > Modules > mod-script-pipe: Enabled, then start Audacity again"


class NoAudacity(SidemanError):
    """Audacity does not run, does not listen or does not answer: names the remedy."""


class NotImported(SidemanError):
    """Audacity was told of a file and did not take it."""


def import_clip(path: Path, patience_s: float = PATIENCE_S) -> None:
    """Put a WAV file on a new track of Audacity's open project, at its beginning.

    Raises BadValue for a file that Audacity could not read or be told of: it would wait in a
    dialog. Raises NoAudacity, or NotImported if it answers that it failed.
    """
    with open_wav(path):
        pass
    command = import_command(path.absolute())
    try:
        answer = ask(command, patience_s)
    except NoAnswer:
        raise NoAudacity(
            f"Audacity has not answered for {patience_s:g} s: close the dialog it waits in, or let"
            " it finish what it does, and try again"
        ) from None
    except OSError:
        raise NoAudacity(_why_nobody_listens()) from None
    if f"{END}OK" not in answer:
        raise NotImported(f"Audacity did not import {shown(path.name)}: {_first_line(answer)}")


def import_command(path: Path) -> str:
    """`Import2: Filename="..."` as Audacity reads it. Raises BadValue if it cannot be said.

    Tried with Audacity 3.2.4: it takes `\\"` for a quote and `\\\\` for a backslash, but turns a
    backslash with an n into the end of a line before it looks for anything else.
    """
    # Windows' own backslashes stand between folders, and / does there, too.
    text = path.as_posix() if os.name == "nt" else str(path)
    if "\\n" in text or not text.isprintable():
        raise BadValue(
            f"Audacity cannot be told of {shown(text)!r}: rename what has a \\n or a line end in it"
        )
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    command = f'Import2: Filename="{escaped}"'
    if len(command.encode()) > LINE_BYTES:
        raise BadValue(
            f"the path of {shown(path.name)!r} has {len(command.encode())} bytes, and Audacity"
            f" takes {LINE_BYTES}: use a folder with a shorter path"
        )
    return command


def _why_nobody_listens() -> str:
    names = (process.info["name"] or "" for process in psutil.process_iter(["name"]))
    if any(name.lower().startswith("audacity") for name in names):
        return f"Audacity runs without its script pipe: {ENABLE}"
    return f"Audacity does not run: start it (and once: {ENABLE})"


def _first_line(answer: str) -> str:
    lines = [line.strip() for line in answer.splitlines()]
    return shown(next((line for line in lines if line), "no reason given"))
