"""MusicGen: a text-to-music model that plays without end, steered while it sounds.

`models` where weights come from | `text` prompts and blends   | `decoder`, `kv` the transformer
`codec` codes to audio, and back | `codes` the delay pattern   | `context` windows without end
`directions` the steering log    | `sampling` logits to codes  | `playback` codes to samples
`stream` one piece of music      | `engine` all in lockstep    | `recording` what one goes on from
`backend` the seam to the device | `device`, `loading`, `options` from a folder to an engine
`openvino` 8 and 4 bits on a CPU

Nothing heavy is imported before `load` is called.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING

from engine.errors import EngineUnavailable

if TYPE_CHECKING:  # the command line is read without numpy
    from engine.api import Engine


ENVIRONMENT = {
    # How long threads spin while they wait for each other, in GNU's rounds: about as long as a
    # small product takes. Asleep at once, a step of `small` takes 30 % longer; spinning for as long
    # as is usual, they take the cores from the very thread they wait for as soon as a DAW wants
    # one, and steps of a small model took 70 times as long.
    "GOMP_SPINCOUNT": "10000",
}
"""Environment that has to be set before torch is imported."""


def is_installed() -> bool:
    """Whether the extra is there; imports nothing."""
    return all(find_spec(name) is not None for name in ("torch", "transformers", "safetensors"))


def load(
    folder: str,
    *,
    rate: int | None = None,
    device: str = "auto",
    precision: str = "auto",
    context_s: float | None = None,
    name: str = "",
    decks: int = 0,
) -> Engine:
    """Load the checkpoint in `folder`; `name` is what it is called where it shows.

    `rate` is that of the audio, None the codec's own (32 kHz). `context_s`: how much of its own
    music a stream hears, None as much as this machine keeps up with, up to 14 s. `decks`: how many
    streams are to play at once in real time, which `precision` `auto` minds; 0: none. Raises
    BadValue for a value out of range, EngineUnavailable if the model cannot be had here.
    """
    if not is_installed():
        raise EngineUnavailable("MusicGen is not installed: pip install 'sideman[musicgen]'")
    for variable, value in ENVIRONMENT.items():
        os.environ.setdefault(variable, value)
    from engine.musicgen.loading import load_engine

    return load_engine(folder, rate, device, precision, context_s, name, decks)
