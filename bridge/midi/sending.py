"""An open MIDI output.

Threading: whoever opened an output makes all calls on it.
"""

from __future__ import annotations

from typing import Any, Protocol


class Output(Protocol):
    """An open port. `send` raises OSError once it is gone."""

    @property
    def name(self) -> str: ...

    def send(self, data: bytes) -> None: ...

    def close(self) -> None: ...


class RtMidiOutput:
    """An open `port` of python-rtmidi, `rtmidi`."""

    def __init__(self, rtmidi: Any, port: Any, name: str) -> None:
        self.name = name
        self._error = rtmidi.RtMidiError
        self._port = port

    def send(self, data: bytes) -> None:
        try:
            self._port.send_message(data)
        except self._error as error:
            raise OSError(str(error)) from error

    def close(self) -> None:
        self._port.close_port()
        self._port.delete()
