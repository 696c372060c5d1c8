"""Memory for one tensor at a time, that goes back to the system when the tensor is let go.

What malloc gets back it keeps, in holes that the next tensor does not fit; pages of their own
leave none. So what is needed beside the weights that are kept is one tensor, not a few.
"""

from __future__ import annotations

import mmap
from io import FileIO

import torch
from torch import Tensor


def empty(size: int) -> Tensor:
    """Zeros, uint8 `[size]`."""
    if not size:
        return torch.empty(0, dtype=torch.uint8)
    return torch.frombuffer(mmap.mmap(-1, size), dtype=torch.uint8)


def read(file: FileIO, size: int) -> Tensor:
    """The next `size` bytes of an unbuffered file, uint8 `[size]`. Raises EOFError, OSError."""
    if not size:
        return empty(0)
    pages = mmap.mmap(-1, size)
    rest = memoryview(pages)
    while rest:
        count = file.readinto(rest)
        if not count:
            raise EOFError
        rest = rest[count:]
    return torch.frombuffer(pages, dtype=torch.uint8)
