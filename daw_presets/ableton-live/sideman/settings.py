"""`settings.txt`: one `key = value` on a line, so that a Windows path needs no quotes."""

from __future__ import annotations

from pathlib import Path

DEFAULTS = {"host": "127.0.0.1", "port": "9740", "clips_folder": "", "track": "sideman"}


class BadSettings(ValueError):
    """What is wrong with the file, for Live's status bar."""


class Settings:
    """Where sideman listens, and where its clips go."""

    def __init__(self, text: str) -> None:
        """Raises BadSettings."""
        values = dict(DEFAULTS)
        for line in text.splitlines():
            key, equals, value = line.partition("=")
            if line.strip() and not line.lstrip().startswith("#"):
                if key.strip() not in DEFAULTS or not equals:
                    known = " ".join(DEFAULTS)
                    raise BadSettings(f"settings.txt: {line.strip()!r} is none of {known}")
                values[key.strip()] = value.strip()
        self.host = values["host"]
        self.port = _port(values["port"])
        self.clips_folder = _folder(values["clips_folder"])
        self.track = values["track"]


def read_settings(path: Path) -> Settings:
    """Raises BadSettings. No file means the defaults."""
    if not path.exists():
        return Settings("")
    try:
        return Settings(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(f"settings.txt cannot be read: {error}") from None


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise BadSettings(f"settings.txt: port {text!r} is no number from 1 to 65535")
    return int(text)


def _folder(text: str) -> str:
    if text and not Path(text).expanduser().is_absolute():
        raise BadSettings(f"settings.txt: clips_folder {text!r} is no whole path")
    return str(Path(text).expanduser()) if text else ""
