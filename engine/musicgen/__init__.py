"""MusicGen: a text-to-music model that plays without end, steered while it sounds.

`hub`, `checkpoint` where weights lie | `config` their sizes    | `tiny` a model that makes noise
`text` prompts and blends             | `decoder`, `kv` the transformer | `sampling` its choices
`context` windows without end         | `codes` the delay pattern       | `codec` codes to audio
`stream` one piece of music           | `engine` all of them together   | `device`, `loading`

Nothing heavy is imported before `load` is called.
"""

from __future__ import annotations

import os
from importlib.util import find_spec

from engine.api import Engine
from engine.errors import EngineUnavailable

CONTEXT_S = 14.0
"""How much of its past a stream sees at most; half of that just after a change of windows. The
longest with which three prompts in one pass stay within the memory promised for them (see
docs/models.md)."""


MATHS = {
    # Sums in one order whatever the number of rows, so that a stream does not depend on who plays
    # beside it.
    "MKL_CBWR": "AUTO,STRICT",
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
    context_s: float = CONTEXT_S,
    name: str = "",
) -> Engine:
    """Load the checkpoint in `folder`; `name` is what it is called where it shows.

    `rate` is that of the audio, None the codec's own (32 kHz). Raises BadValue for a value out
    of range, EngineUnavailable if the model cannot be had here.
    """
    if not is_installed():
        raise EngineUnavailable("MusicGen is not installed: pip install 'sideman[musicgen]'")
    for variable, value in MATHS.items():
        os.environ.setdefault(variable, value)
    from engine.musicgen.loading import load_engine

    return load_engine(folder, rate, device, precision, context_s, name)
