"""`sideman convert MODEL -o FILE.gguf`: a model as one file, which `--model` takes."""

from __future__ import annotations

import argparse
import sys

from bridge.cli.progress import Progress
from bridge.engines import convert_model


def run(arguments: argparse.Namespace) -> int:
    """Prints the file's name once it is complete, and to stderr whose weights are in it."""
    with Progress(f"convert {arguments.model}") as progress:
        made = convert_model(
            arguments.model, arguments.out, arguments.type, arguments.force, progress.show
        )
    print(f"{made.path}  {made.size_bytes / 1e6:.0f} MB, {arguments.type}")
    if made.note:
        print(f"sideman: {made.note}", file=sys.stderr)
    return 0
