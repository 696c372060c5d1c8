"""The command `sideman`. Each subcommand is a module of this package, imported when it is used."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from engine.errors import BadValue, SidemanError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status: 0, 1 for a failure, 2 for bad usage.

    Errors are one line on stderr; `--debug` shows where they came from.
    """
    from bridge.cli import console
    from bridge.cli.parser import parse

    console.prepare()
    words = list(sys.argv[1:] if argv is None else argv)
    own = words.index("--") if "--" in words else len(words)  # what follows it is another's
    debug = "--debug" in words[:own]
    try:
        arguments = parse([word for word in words[:own] if word != "--debug"] + words[own:])
        return int(arguments.run(arguments) or 0)
    except SidemanError as error:
        if debug:
            raise
        print(f"sideman: {error}", file=sys.stderr)
        return 2 if isinstance(error, BadValue) else 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 1
    except Exception as error:
        if debug:
            raise
        what = " ".join(f"{type(error).__name__}: {error}".split())
        print(f"sideman: {what} (unexpected: --debug shows where)", file=sys.stderr)
        return 1
