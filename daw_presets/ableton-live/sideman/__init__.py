"""sideman in Ableton Live: a MIDI Remote Script. Live imports this folder and calls
`create_instance`.

It needs nothing but the standard library of Live's own Python: 3.7 in Live 11, 3.11 in Live 12.
"""

from __future__ import annotations

from typing import Any

from .surface import Sideman


def create_instance(c_instance: Any) -> Sideman:
    return Sideman(c_instance)
