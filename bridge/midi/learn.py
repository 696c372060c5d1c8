"""Learnt controls: which control drives which address, kept in a file of the user's.

Threading: every method may be called from any thread; `flush`, which writes, from the MIDI thread
and, after that has ended, from whoever closes.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from bridge.midi.messages import Key
from engine.errors import BadValue

_VERSION = 1
_KINDS = ("note", "cc", "pitch", "program")


class LearntControls:
    """Control to address, in memory and in `store` (JSON).

    A file that cannot be read as such is moved aside to `<name>.bad`, and said so through
    `notify` in one line: a performer starts without the map rather than not at all.
    """

    def __init__(self, store: Path, notify: Callable[[str], None]) -> None:
        self._store = store
        self._notify = notify
        self._lock = threading.Lock()
        self._changed = False
        self._map = self._load()

    def get(self, key: Key) -> str | None:
        with self._lock:
            return self._map.get(key)

    def items(self) -> list[tuple[Key, str]]:
        """Each control and its address, as they were learnt."""
        with self._lock:
            return list(self._map.items())

    def bind(self, key: Key, address: str) -> None:
        """From now on `key` drives `address`, instead of what it drove before."""
        with self._lock:
            self._map[key] = address
            self._changed = True

    def forget(self, address: str) -> None:
        """Undo everything learnt for `address`. Raises BadValue if there is nothing."""
        with self._lock:
            kept = {key: bound for key, bound in self._map.items() if bound != address}
            if len(kept) == len(self._map):
                raise BadValue(f"no control was learnt for {address[:80]}")
            self._map = kept
            self._changed = True

    def flush(self) -> None:
        """Write what changed since the last call, whole or not at all."""
        with self._lock:
            if not self._changed:
                return
            self._changed = False
            entries = [{**asdict(key), "address": to} for key, to in self._map.items()]
        text = json.dumps({"version": _VERSION, "controls": entries}, indent=1) + "\n"
        try:
            self._store.parent.mkdir(parents=True, exist_ok=True)
            written = self._store.with_name(self._store.name + ".tmp")
            with written.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            written.replace(self._store)
        except OSError as error:
            self._notify(
                f"learnt MIDI controls are not saved: {error}; they last until sideman stops"
            )

    def _load(self) -> dict[Key, str]:
        try:
            return _parse(self._store.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except OSError as error:
            self._notify(f"learnt MIDI controls cannot be read: {error}")
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            self._move_aside(error)
        return {}

    def _move_aside(self, error: Exception) -> None:
        bad = self._store.with_name(self._store.name + ".bad")
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        try:
            self._store.replace(bad)
        except OSError as failed:
            self._notify(f"{self._store} holds no MIDI map ({reason}) and stays: {failed}")
        else:
            self._notify(f"{self._store} holds no MIDI map ({reason}): moved aside to {bad.name}")


def _parse(text: str) -> dict[Key, str]:
    """The map in a store's text. Raises ValueError, KeyError or TypeError for anything else."""
    whole = json.loads(text)
    if whole["version"] != _VERSION:
        raise ValueError(f"version {whole['version']!r}, this sideman reads {_VERSION}")
    return dict(_parse_entry(**entry) for entry in whole["controls"])


def _parse_entry(
    port: object, channel: object, kind: object, number: object, address: object
) -> tuple[Key, str]:
    if (
        isinstance(port, str)
        and isinstance(channel, int)
        and kind in _KINDS
        and isinstance(number, int)
        and isinstance(address, str)
    ):
        return Key(port, channel, kind, number), address  # type: ignore[arg-type]
    raise ValueError("an entry is not a port, channel, kind, number and address")
