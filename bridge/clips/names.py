"""Names of clips. What comes over the wire is a name inside the clips folder, never a path."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from bridge.clips.files import shown
from engine.errors import BadValue

SLUG_CHARACTERS = 40
"""Long enough to recognise a prompt by, short enough for a DAW's browser."""

_NAME_BYTES = 255
"""The longest file name that ext4, APFS and NTFS all take."""

_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])", re.IGNORECASE)
"""Names that are devices on Windows, whatever suffix follows."""


def slug(prompt: str) -> str:
    """`prompt` as a file name's beginning: `a-z 0-9 -`, 1 to 40 characters."""
    ascii_text = unicodedata.normalize("NFKD", prompt).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "-", ascii_text.lower()).strip("-")
    short = words[:SLUG_CHARACTERS].strip("-") or "untitled"
    return f"{short}-clip" if _DEVICES.fullmatch(short) else short


def clip_name(prompt: str, bpm: float, bars: int, seed: int) -> str:
    """`<slug>_<bpm>bpm_<bars>bars_<seed>.wav`; tempo and bars are left out where they are 0."""
    tempo = f"_{bpm:g}bpm" if bpm else ""
    length = f"_{bars}bars" if bars else ""
    return f"{slug(prompt)}{tempo}{length}_{seed}.wav"


def clip_path(folder: Path, name: str) -> Path:
    """Where the clip `name` lies in `folder`, symbolic links resolved; it need not exist.

    Raises BadValue for anything that is not the plain name of a file inside the folder.
    """
    reason = _fault(name)
    if reason:
        raise BadValue(f"clip name {shown(name)!r} {reason}: send a name as /clip/list gives it")
    try:
        home = folder.resolve()
        path = (home / name).resolve()
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before Python 3.13
        raise BadValue(f"clip {shown(name)!r} cannot be found: {shown(str(error))}") from error
    if path.parent != home and home not in path.parents:
        raise BadValue(f"clip {shown(name)!r} leads out of the clips folder: copy it there")
    return path


def _fault(name: str) -> str:
    """What is wrong with `name` as a plain file name on any system; empty if nothing is."""
    if not name:
        return "is empty"
    if not name.isprintable():
        return "has unprintable characters"
    if any(c in name for c in '/\\:*?"<>|'):
        return "has a path separator, a drive letter or a wildcard"
    if name.startswith(".") or ".." in name or name[-1] in ". ":
        return "begins or ends with a dot or a space, or has two dots"
    if _DEVICES.fullmatch(name.split(".")[0].rstrip()):
        return "is a device on Windows"
    if len(name.encode()) > _NAME_BYTES:
        return f"is longer than {_NAME_BYTES} bytes"
    return ""
