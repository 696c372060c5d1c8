"""`sideman bench bridge`: measure the bridge and its embedded engine on this machine."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from engine.errors import BadValue


def run(arguments: argparse.Namespace) -> int:
    """0 whatever the figures are: it measures, it does not judge."""
    _check_target(arguments.json)
    from bridge.bench.plan import FULL, QUICK
    from bridge.bench.suite import run_suite

    report = run_suite(QUICK if arguments.quick else FULL, _tell)
    _tell("")
    print(report.as_text())
    if arguments.json is not None:
        text = json.dumps(report.as_json(), indent=1, ensure_ascii=False)
        arguments.json.write_text(text + "\n", encoding="utf-8")
    return 0


def _check_target(path: Path | None) -> None:
    """Now, and not after a quarter of an hour of measuring."""
    if path is not None and not path.absolute().parent.is_dir():
        raise BadValue(f"--json {path}: there is no folder {path.absolute().parent}")


def _tell(line: str) -> None:
    """On a terminal, in place of the line before."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
