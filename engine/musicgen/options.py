"""What can be asked of the engine when it is loaded. Nothing is imported here."""

from __future__ import annotations

DEVICES = ("auto", "cuda", "mps", "cpu")
"""A CUDA device may have its number behind it: `cuda:1`."""
PRECISIONS = ("auto", "fp32", "bf16", "fp16")
LATER_PRECISIONS = ("int8", "int4")

CONTEXT_S = 14.0
"""How much of its past a stream sees at most; half of that just after a change of windows. The
longest with which three prompts in one pass stay within the memory promised for them (see
docs/models.md)."""
CONTEXT_RANGE_S = (10.0, 30.0)
"""MusicGen was trained on 30 s; below 10 s a rewind could reach back over two changes."""
