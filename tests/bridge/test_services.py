"""What takes long is not done on the conductor's thread."""

from __future__ import annotations

import threading
from pathlib import Path
from queue import Queue

import pytest

from bridge import services
from bridge.clips.folder import ClipItem
from bridge.osc.feedback import Feedback
from bridge.services import Clips, News
from bridge.state import State
from engine.api import EngineHandle
from engine.errors import BadValue, EngineLost


def no_engine() -> EngineHandle:
    raise EngineLost("none")


def test_a_slow_folder_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ready = threading.Event()

    def slow(_: Path) -> list[ClipItem]:
        assert ready.wait(10)
        return []

    monkeypatch.setattr(services, "list_clips", slow)
    clips = Clips(tmp_path, no_engine, News(Feedback(State())))
    found: Queue[list[ClipItem]] = Queue()
    for _ in range(services.MAX_LOOKS):
        clips.list(found.put)
    assert found.empty()
    monkeypatch.setattr(services, "MAX_LOOKS", 1)
    with pytest.raises(BadValue, match="busy"):
        clips.list(found.put)
    ready.set()
    assert found.get(timeout=10) == []
    clips.close()
    clips.close()
