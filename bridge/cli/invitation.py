"""The way to the console, said once at the start: a link, and for a tablet its QR code."""

from __future__ import annotations

import io
import sys

_WHITE_ON_BLACK = "\x1b[97;40m"
_PLAIN = "\x1b[0m"


def invite(link: str, *, secret: bool) -> None:
    """Say on stderr where the console is.

    One with a token in it is said in any case, since nobody comes in without it, and on a terminal
    drawn as well. One without is no news to a program that reads the line `ready`.
    """
    watched = sys.stderr.isatty()
    if not (secret or watched):
        return
    print(f"sideman: the console is at {link}", file=sys.stderr, flush=True)
    if secret and watched and can_draw(sys.stderr.encoding):
        print(drawn(link), file=sys.stderr, flush=True)


def can_draw(encoding: str) -> bool:
    """Whether a terminal knows half blocks."""
    try:
        "▀▄█".encode(encoding)
    except (LookupError, UnicodeEncodeError):
        return False
    return True


def drawn(link: str) -> str:
    """`link` as a QR code of half blocks, light on dark whatever the terminal's colours are."""
    import segno

    lines = io.StringIO()
    segno.make(link, error="l", micro=False).terminal(lines, border=2, compact=True)
    rows = lines.getvalue().splitlines()
    return "\n".join(f"{_WHITE_ON_BLACK}{row}{_PLAIN}" for row in rows)
