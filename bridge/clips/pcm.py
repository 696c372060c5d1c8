"""Samples as the bytes of a WAV file and back: 16 and 24 bit integers, 32 bit integers and floats.

Full scale ±1 is 2 ** (bits - 1), so what was read from integers is written back bit for bit. Unless
it is dithered: that is for music that goes into 16 bits, since at 24 the noise would lie under that
of any converter.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.api import Audio
from engine.errors import BadValue

WRITABLE_BITS = (16, 24, 32)
"""What is written: 32 is float, the others are integers."""


def dithered(audio: Audio, bits: int, dice: np.random.Generator) -> Audio:
    """`audio`, float32 `[samples, channels]`, with the noise that makes rounding to `bits` sound
    like noise and not like distortion.

    Two dice of one step each, as Lipshitz, Wannamaker and Vanderkooy have it (Quantization and
    dither: a theoretical survey, JAES 1992). The same dice give the same noise however the audio is
    cut.
    """
    faces = dice.random((*audio.shape, 2), np.float32)
    noise: Audio = (faces[..., 0] - faces[..., 1]) / np.float32(2 ** (bits - 1))
    return audio + noise


def encode(audio: Audio, bits: int) -> tuple[bytes, int]:
    """Little-endian bytes of float32 `[samples, channels]`, and how many values were limited.

    Integers are limited to full scale; what is not a number becomes 0.
    """
    values = np.ascontiguousarray(audio, dtype="<f4")
    if bits == 32:
        return values.tobytes(), 0
    top = np.float32(2 ** (bits - 1))
    scaled = np.rint(np.nan_to_num(values, nan=0.0, posinf=2.0, neginf=-2.0) * top)
    limited = int(np.count_nonzero((scaled > top - 1) | (scaled < -top)))
    limited += int(np.count_nonzero(np.isnan(values)))
    whole = np.clip(scaled, -top, top - 1)
    if bits == 16:
        return whole.astype("<i2").tobytes(), limited
    wide: NDArray[np.uint8] = whole.astype("<i4").view(np.uint8).reshape(-1, 4)  # [values, 4]
    return wide[:, :3].tobytes(), limited


def decode(raw: bytes, bits: int, is_float: bool, channels: int) -> Audio:
    """float32 `[samples, channels]` of whole frames of little-endian bytes.

    Raises BadValue for any other kind of sample.
    """
    if is_float and bits == 32:
        values = np.frombuffer(raw, "<f4").astype(np.float32)
    elif not is_float and bits == 16:
        values = np.frombuffer(raw, "<i2").astype(np.float32) / np.float32(2**15)
    elif not is_float and bits == 24:
        wide = np.zeros((len(raw) // 3, 4), np.uint8)  # [values, 4], the lowest byte stays 0
        wide[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        values = wide.view("<i4").ravel().astype(np.float32) / np.float32(2**31)
    elif not is_float and bits == 32:
        values = (np.frombuffer(raw, "<i4") / 2.0**31).astype(np.float32)
    else:
        kind = "float" if is_float else "integer"
        raise BadValue(f"holds {bits} bit {kind} samples: convert it to 16, 24 or 32 bit")
    return values.reshape(-1, channels)
