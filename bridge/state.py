"""What every readable address holds just now: the answer to a read, and what subscribers follow.

Threading: everything may be called from any thread, but each address should have one thread that
sets it, so that its listeners hear the values in order. They are called on that thread, without
a lock held, and must not take long.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

from bridge.row import Value

Listener = Callable[[str, tuple[Value, ...]], None]

_REL, _ABS = 1e-6, 5e-6
"""Numbers this close are the same. The wire carries 32-bit floats, and a value that a client
sends back after converting it (level to gain spans 66 dB) is off by a few millionths: were that a
change, a client that echoes what it is told would never fall silent."""


class State:
    """Concrete addresses (`/deck/1/gain`) and their values."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[str, tuple[Value, ...]] = {}
        self._listeners: tuple[Listener, ...] = ()

    def set(self, address: str, *args: Value) -> bool:
        """Whether that changed anything; the listeners have then been called."""
        with self._lock:
            if _same(self._values.get(address), args):
                return False
            self._values[address] = args
            listeners = self._listeners
        for listener in listeners:
            listener(address, args)
        return True

    def get(self, address: str) -> tuple[Value, ...] | None:
        """None: nothing is known of this address."""
        return self._values.get(address)

    def items(self) -> list[tuple[str, tuple[Value, ...]]]:
        """Everything, in the order in which it was first set."""
        with self._lock:
            return list(self._values.items())

    def listen(self, callback: Listener) -> None:
        """Call `callback(address, args)` at every change from now on."""
        with self._lock:
            self._listeners = (*self._listeners, callback)


def _same(old: tuple[Value, ...] | None, new: tuple[Value, ...]) -> bool:
    if old is None or len(old) != len(new):
        return False
    return all(_same_value(a, b) for a, b in zip(old, new, strict=True))


def _same_value(a: Value, b: Value) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=_REL, abs_tol=_ABS)
    return type(a) is type(b) and a == b
