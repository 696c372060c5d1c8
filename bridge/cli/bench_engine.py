"""`sideman bench engine`: MusicGen as sideman plays it, and as transformers makes it."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from bridge.bench.machine import commit, machine
from bridge.cli.bench import check_folder, tell, write_json
from bridge.engines import EngineChoice, check_plot, measure_engine, write_plot


def run(arguments: argparse.Namespace) -> int:
    """0 whatever the figures are: it measures, it does not judge."""
    choice = EngineChoice("musicgen", arguments.model, arguments.device)
    check_folder("--json", arguments.json)
    check_folder("--plot", arguments.plot)
    if arguments.plot is not None:
        check_plot(arguments.plot)
    report = measure_engine(choice, quick=arguments.quick, tell=tell)
    tell("")
    here, at = machine(), commit()
    measured = datetime.now(UTC).isoformat(timespec="seconds")
    where = f"{here['cpu']}, {here['cores']} cores, {here['os']}, Python {here['python']}"
    print(f"sideman {here['sideman']} {at}".rstrip() + f": {where}\n{report.as_text()}")
    about = {"measured": measured, "commit": at, "host": here}
    write_json(about | report.as_json(), arguments.json)
    if arguments.plot is not None:
        write_plot(report, arguments.plot)
    return 0
