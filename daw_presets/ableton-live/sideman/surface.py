"""What Live sees: an object with the methods that it calls on every control surface.

Live calls `update_display` ten times a second. Everything that changes the set is done there, since
Live refuses changes from within its own notifications.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .clips import Clips
from .launches import Launches
from .link import Link
from .settings import BadSettings, Settings, read_settings
from .transport import Transport

_SETTINGS = Path(__file__).resolve().parent / "settings.txt"


class Sideman:
    def __init__(self, c_instance: Any) -> None:
        self._live = c_instance
        try:
            settings = read_settings(_SETTINGS)
        except BadSettings as error:
            settings = Settings("")
            self._show(f"sideman: {error}")
        song = c_instance.song()
        self._link = Link(settings.host, settings.port, self._tell)
        self._transport = Transport(song, self._link)
        self._launches = Launches(song, self._link)
        clips = Clips(song, settings.clips_folder, settings.track, self._show)
        self._handlers: dict[str, Callable[..., None]] = {
            **self._transport.handlers,
            **clips.handlers,
            "/error": self._complain,
        }

    def update_display(self) -> None:
        for address, values in self._link.poll(time.monotonic()):
            handler = self._handlers.get(address)
            if handler is not None:
                handler(*values)
        self._launches.tick()
        self._transport.tick()

    def disconnect(self) -> None:
        self._launches.close()
        self._transport.close()
        self._link.close()

    def _tell(self) -> None:
        self._transport.tell()

    def _show(self, text: str) -> None:
        self._live.show_message(text)
        self._live.log_message(text)

    def _complain(self, address: str, message: str) -> None:
        self._show(f"sideman: {address}: {message}")

    # Live calls these, too; sideman uses no MIDI here.

    def build_midi_map(self, midi_map_handle: Any) -> None:
        pass

    def receive_midi(self, midi_bytes: Any) -> None:
        pass

    def refresh_state(self) -> None:
        pass

    def connect_script_instances(self, instances: Any) -> None:
        pass

    def port_settings_changed(self) -> None:
        pass

    def supports_pad_translation(self) -> bool:
        return False

    def can_lock_to_devices(self) -> bool:
        return False

    def suggest_input_port(self) -> str:
        return ""

    def suggest_output_port(self) -> str:
        return ""

    def suggest_map_mode(self, cc_number: int, channel: int) -> int:
        return -1
