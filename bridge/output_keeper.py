"""Keeps an output running: a device that fails is replaced by one that makes no sound, so that the
music goes on in time, until the device is back. Another one that is chosen meanwhile replaces it
once it runs.

Threading: all of it belongs to the conductor's thread (`open` may come before that runs). Looking
for a device, opening one, starting and stopping it can block, so that happens on threads of its
own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

from bridge.audio.devices import open_output
from bridge.audio.null import NullOutput
from bridge.audio.output import DeviceError, Output
from engine.errors import BadValue, SidemanError

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
        self._chosen: SimpleQueue[tuple[str, Output]] = SimpleQueue()
        self._choosing = ""
        self._search = 0
        """Which search for a lost device counts: one that is chosen ends it."""
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

    @property
    def name(self) -> str:
        """What was asked for."""
        return self._name

    def choose(self, name: str, failed: Callable[[SidemanError], None]) -> None:
        """Open another output and start it, on a thread of its own; `take_chosen` has it then.
        `failed` is called there if it cannot be. Raises BadValue while one is being opened."""
        if self._choosing:
            raise BadValue(f"output {self._choosing!r} is being opened: try again in a moment")
        self._choosing = name
        threading.Thread(
            target=self._open_chosen, args=(name, failed), name="output-chosen", daemon=True
        ).start()

    def _open_chosen(self, name: str, failed: Callable[[SidemanError], None]) -> None:
        try:
            output = open_output(name, self._rate, self._block, self._decks)
            try:
                output.start()
            except SidemanError:
                output.stop()
                raise
        except SidemanError as error:
            failed(error)
        else:
            self._chosen.put((name, output))
        finally:
            self._choosing = ""

    def take_chosen(self) -> Output | None:
        """The output that was chosen, once it runs: to go on with at once."""
        if self._chosen.empty():
            return None
        self._name, output = self._chosen.get()
        self._search += 1
        found, self._found = self._found, None
        if found is not None:
            self.retire(found)
        self._notify(f"output {output.name} plays now")
        return output

    def retire(self, output: Output) -> None:
        """Stop one that is no longer fed; the music does not wait for it."""
        threading.Thread(target=output.stop, name="output-retired", daemon=True).start()

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
        self._search += 1
        self._looking = threading.Thread(
            target=self._look, args=(self._name, self._search), name="output-keeper", daemon=True
        )
        self._looking.start()
        return NullOutput(self._rate, self._block)

    def _look(self, name: str, search: int) -> None:
        while not self._closing.wait(RETRY_S) and search == self._search:
            try:
                found = open_output(name, self._rate, self._block, self._decks)
            except SidemanError:
                continue
            if search == self._search:
                self._found = found
            else:
                found.stop()
            return

    def close(self) -> None:
        self._closing.set()
