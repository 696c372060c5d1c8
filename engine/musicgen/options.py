"""What can be asked of the engine when it is loaded. Nothing is imported here."""

from __future__ import annotations

DEVICES = ("auto", "cuda", "mps", "cpu")
"""A CUDA device may have its number behind it: `cuda:1`."""
PRECISIONS = ("auto", "fp32", "bf16", "fp16", "int8", "int4")
FEW_BITS = ("int8", "int4")
"""Of them, those for a CPU, through OpenVINO."""

CONTEXT_S = 14.0
"""How much of its past a stream sees at most; two fifths of that just after a change of windows.
The longest with which three prompts in one pass stay within the memory promised for them (see
docs/models.md). Where nobody says how long, and this machine would not keep up with so much, it
is the shortest."""
CONTEXT_RANGE_S = (10.0, 30.0)
"""MusicGen was trained on 30 s; below 10 s a rewind could reach back over two changes."""
TAIL_SHARE = 0.4
"""Of a window, what the next one begins with. As audiocraft has it: 12 of 30 s. What is in a tail
is computed twice, and takes a tenth of all time as it is."""
