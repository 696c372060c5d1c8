"""`sideman bench time`: how exactly clocks are followed, music is locked, and loops are cut."""

from __future__ import annotations

import argparse

from bridge.cli.bench import check_folder, tell, write_json


def run(arguments: argparse.Namespace) -> int:
    """0 whatever the figures are: it measures, it does not judge."""
    check_folder("--json", arguments.json)
    from bridge.bench.plan import FULL, QUICK
    from bridge.bench.suite import run_suite
    from bridge.bench.time_suite import TIME, check_pictures, write_pictures

    if arguments.plot is not None:
        check_pictures(arguments.plot)
    report = run_suite(QUICK if arguments.quick else FULL, tell, TIME)
    tell("")
    print(report.as_text())
    write_json(report.as_json(), arguments.json)
    if arguments.plot is not None:
        write_pictures(arguments.plot)
    return 0
