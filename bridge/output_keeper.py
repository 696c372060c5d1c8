"""Keeps an output running: a device that fails is replaced by one that makes no sound, so that the
music goes on in time, until the device is back.

Threading: `open` and `poll` belong to the conductor's thread (`open` may come before it runs).
Looking for the device again can block, so that happens on a thread of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from bridge.audio.devices import open_output
from bridge.audio.null import NullOutput
from bridge.audio.output import DeviceError, Output
from engine.errors import SidemanError

RETRY_S = 2.0


class OutputKeeper:
    def __init__(
        self, name: str, rate: int, block: int, notify: Callable[[str], None], decks: int = 4
    ) -> None:
        self._name, self._rate, self._block = name, rate, block
        self._notify = notify
        self._decks = decks
        self._found: Output | None = None
        self._looking: threading.Thread | None = None
        self._closing = threading.Event()

    def open(self) -> Output:
        """The output asked for. No device where the default was asked for is told, not fatal.

        Raises BadValue or DeviceError if one that was named cannot be had.
        """
        try:
            return open_output(self._name, self._rate, self._block, self._decks)
        except DeviceError as error:
            return self.instead(error)

    def instead(self, error: SidemanError) -> Output:
        """What to begin with when the output cannot be opened: raises `error` if it was named."""
        if self._name != "default":
            raise error
        self._notify(f"no sound: {error}; playing on without a device, as --output null does")
        return NullOutput(self._rate, self._block)

    def poll(self, output: Output) -> Output | None:
        """What to go on with instead of `output`, if that has failed or its device is back."""
        if output.failed:
            return self.without(output, output.failed)
        found, self._found = self._found, None
        if found is not None:
            self._notify(f"output {found.name} is back")
        return found

    def without(self, output: Output, reason: str) -> Output:
        """What to go on with when `output` is lost, until its device is back."""
        self._notify(f"output {output.name} failed: {reason}; looking for it again")
        self._looking = threading.Thread(target=self._look, name="output-keeper", daemon=True)
        self._looking.start()
        return NullOutput(self._rate, self._block)

    def _look(self) -> None:
        while not self._closing.wait(RETRY_S):
            try:
                self._found = open_output(self._name, self._rate, self._block, self._decks)
                return
            except SidemanError:
                continue

    def close(self) -> None:
        self._closing.set()
