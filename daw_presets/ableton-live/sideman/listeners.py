"""Listeners on Live's objects, kept together so that they can be taken off again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any


class Listeners:
    def __init__(self) -> None:
        self._added: list[tuple[Any, str, Callable[[], None]]] = []

    def add(self, thing: Any, name: str, callback: Callable[[], None]) -> None:
        """Call `callback` when the property `name` of one of Live's objects changes."""
        getattr(thing, f"add_{name}_listener")(callback)
        self._added.append((thing, name, callback))

    def clear(self) -> None:
        for thing, name, callback in self._added:
            # A track or scene that was deleted took its listeners with it.
            with suppress(RuntimeError):
                getattr(thing, f"remove_{name}_listener")(callback)
        self._added = []
