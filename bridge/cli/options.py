"""Options that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_engine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--engine", default="auto",
        help="groove, a synthesiser; musicgen, a model; auto (default): musicgen if it is installed"
        " and its weights are on disk, or --model names some, else groove",
    )  # fmt: skip
    parser.add_argument(
        "--model", default="",
        help="for musicgen: small, medium, large, a Hugging Face id, a folder or a GGUF file;"
        " downloaded once if need be (default: facebook/musicgen-small)",
    )  # fmt: skip
    parser.add_argument(
        "--device", default="auto",
        help="for musicgen: cuda, mps or cpu (default: auto, the fastest there is)",
    )  # fmt: skip
    parser.add_argument(
        "--precision",
        default="auto",
        help="for musicgen: fp32, bf16, fp16, int8 or int4 (default: auto, the most precise that"
        " is quick enough)",
    )
    parser.add_argument(
        "--context", type=float, metavar="SECONDS",
        help="for musicgen: how much of its own music it hears, 10..30; longer holds together"
        " better and costs more (default: 14, or 10 where it would not keep up with 14)",
    )  # fmt: skip


def add_sound(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--output", action="append", default=[], metavar="NAME",
        help="a device's number or part of its name, default, jack (ports for each deck), or null"
        " (no device, real time). Again, for audio into other programs by UDP:"
        " vban:NAME@HOST[:PORT] or reastream:NAME@HOST[:PORT], the master; after deckN= one deck,"
        " after decks= every deck on its own; no @HOST is this machine",
    )  # fmt: skip
    parser.add_argument("--rate", type=int, default=48000, help="Hz (default %(default)s)")
    parser.add_argument("--block", type=int, default=256, help="samples (default %(default)s)")


def add_bits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--bits", type=int, choices=(16, 24, 32), default=24,
        help="of the clips' files; 32 is float (default %(default)s)",
    )  # fmt: skip


def add_clips(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--clips", type=Path, default=Path("clips"), metavar="DIR",
        help="the clips folder (default ./%(default)s)",
    )  # fmt: skip
