"""Weight matrices in few bits.

Some numbers of a row, a group, share a scale. `int8`: `w = scale * q`, q in -127..127. `int4`: a
zero point besides, `w = scale * (q - zero)`, q and zero in 0..15, chosen for the least squared
error among some ranges that leave out the outermost weights (as round-to-nearest with clipping
search does in AWQ; Lin et al., 2023). Weights only: no data is needed for it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.generic]
Arrays = dict[str, Array]
"""The parts of one matrix, by the endings of their names in a store."""

GROUPS = {"int8": 256, "int4": 128}
"""Numbers in a group, at most: the smallest that cost no speed."""
_SHARES_OF_RANGE = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7)
_LEVELS = {"int8": 127.0, "int4": 15.0}


def quantized(weight: Tensor, precision: str, group: int | None = None) -> Arrays:
    """`weight` is float32 `[n, k]`; `group` instead of what `GROUPS` says.

    `int8` -> `.i8` int8 `[n, groups, group]`, `.scale` float32 `[n, groups, 1]`; `int4` -> `.u4`
    uint8 `[n, groups, group / 2]`, the even number in the low half, `.zero` uint8
    `[ceil(n * groups / 2)]` packed the same way, `.scale` float16 `[n, groups, 1]`. A `k` that is
    no multiple of `group` has shorter groups; an odd one is kept in 8 bits.
    """
    if precision == "int4" and weight.shape[1] % 2 == 0:
        return _in_4_bits(weight, group or GROUPS["int4"])
    n, k = weight.shape
    size = _divisor(k, group or GROUPS["int8"])
    x = weight.reshape(n, k // size, size)
    scale = x.abs().amax(2, keepdim=True) / _LEVELS["int8"]
    scale[scale == 0] = 1
    values = (x / scale).round_().to(torch.int8)
    return {".i8": values.numpy(), ".scale": scale.numpy()}


def _in_4_bits(weight: Tensor, most: int) -> Arrays:
    n, k = weight.shape
    group = _divisor(k, most)
    x = weight.reshape(n, k // group, group)
    low = x.amin(2, keepdim=True).clamp_(max=0)
    high = x.amax(2, keepdim=True).clamp_(min=0)
    best: tuple[Tensor, Tensor, Tensor, Tensor] | None = None
    for share in _SHARES_OF_RANGE:
        scale = ((high - low) * (share / _LEVELS["int4"])).half().float()
        scale[scale == 0] = 1
        zero = (low * -share / scale).round_().clamp_(0, 15)
        values = (x / scale).add_(zero).round_().clamp_(0, 15)
        error = ((values - zero).mul_(scale).sub_(x)).square_().sum(2, keepdim=True)
        tried = (error, values, scale, zero)
        if best is None:
            best = tried
            continue
        better = error < best[0]
        for kept, new in zip(best, tried, strict=True):
            torch.where(better, new, kept, out=kept)
    assert best is not None
    _, values, scale, zero = best
    return {
        ".u4": _packed(values).reshape(n, k // group, group // 2),
        ".zero": _packed(zero),
        ".scale": scale.half().numpy(),
    }


def _divisor(k: int, most: int) -> int:
    """The largest of `k` that is even and no more than `most`; an odd `k` is one group."""
    return next((size for size in range(most, 1, -1) if size % 2 == 0 and k % size == 0), k)


def _packed(values: Tensor) -> NDArray[np.uint8]:
    """Two in a byte, the first in the low half."""
    flat = values.flatten().to(torch.uint8).numpy()
    if len(flat) % 2:
        flat = np.append(flat, np.uint8(0))
    both: NDArray[np.uint8] = flat[0::2] | flat[1::2] << 4
    return both


def restored(part: Callable[[str], Array | None]) -> NDArray[np.float32]:
    """What the matrix stands for, float32 `[n, k]`. `part` gives an array by its ending."""
    scale = part(".scale")
    assert scale is not None
    values = part(".i8")
    if values is not None:
        whole = values.astype(np.float32) * scale.astype(np.float32)
        return whole.reshape(len(whole), -1)
    packed, zero = part(".u4"), part(".zero")
    assert packed is not None
    assert zero is not None
    n, groups = scale.shape[:2]
    q = _unpacked(packed).reshape(n, groups, -1)
    z = _unpacked(zero)[: n * groups].reshape(n, groups, 1)
    return ((q - z) * scale.astype(np.float32)).reshape(n, -1)


def _unpacked(both: Array) -> NDArray[np.float32]:
    flat = both.reshape(-1).astype(np.uint8)
    return np.stack((flat & 15, flat >> 4), 1).reshape(-1).astype(np.float32)
