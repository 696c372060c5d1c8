"""What the console shows beside the protocol's state, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bridge.audio.ears import Ears
from bridge.lookout import Lookout


@dataclass(frozen=True, slots=True)
class Studio:
    """Given by the composition root; every part of it is good for any thread."""

    folder: Path
    """Of the clips."""
    rate: int
    decks: int
    ears: Ears
    lookout: Lookout
