"""Audio and clip descriptions that several tests use."""

from __future__ import annotations

from typing import Any

import numpy as np

from bridge.clips.info import ClipInfo
from engine.api import Audio


def noise(samples: int, channels: int = 2, seed: int = 0, level: float = 0.2) -> Audio:
    generator = np.random.default_rng(seed)
    return (generator.standard_normal((samples, channels)) * level).astype(np.float32)


def clip_info(**changes: Any) -> ClipInfo:
    """Two bars of 4/4 at 120 BPM."""
    values: dict[str, Any] = {
        "prompt": "lofi hip hop", "bpm": 120.0, "bars": 2, "numerator": 4, "denominator": 4,
        "seed": 7, "engine": "groove", "settings": {"top_k": 250},
    }  # fmt: skip
    return ClipInfo(**values | changes)
