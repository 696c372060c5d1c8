"""`sideman bench bridge`: measure the bridge and its embedded engine on this machine."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from engine.errors import BadValue


def run(arguments: argparse.Namespace) -> int:
    """0 whatever the figures are: it measures, it does not judge."""
    check_folder("--json", arguments.json)
    from bridge.bench import suite
    from bridge.bench.plan import FULL, QUICK

    report = suite.run_suite(QUICK if arguments.quick else FULL, tell, suite.BRIDGE)
    tell("")
    print(report.as_text())
    write_json(report.as_json(), arguments.json)
    return 0


def check_folder(option: str, path: Path | None) -> None:
    """Now, and not after a quarter of an hour of measuring."""
    if path is not None and not path.absolute().parent.is_dir():
        raise BadValue(f"{option} {path}: there is no folder {path.absolute().parent}")


def write_json(words: dict[str, Any], path: Path | None) -> None:
    if path is not None:
        text = json.dumps(words, indent=1, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")


def tell(line: str) -> None:
    """On a terminal, in place of the line before."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
