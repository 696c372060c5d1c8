"""A server that is told to end before its engine is up."""

from __future__ import annotations

import threading
from multiprocessing import active_children
from pathlib import Path

import pytest

from bridge import app
from bridge.app import App, Interrupted
from bridge.config import Config
from bridge.engines import Chosen, EngineChoice
from tests.engine.host.factories import never


def test_it_ends_at_once_and_leaves_no_engine_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "choose_engine", lambda *_: Chosen("never", never))
    server = App(
        Config(EngineChoice(), output="null", osc_port=0, tcp_port=0, clips=tmp_path, midi=False)
    )
    before = set(active_children())
    stopping = threading.Event()
    stopping.set()
    with pytest.raises(Interrupted):
        server.start(stopping)
    assert set(active_children()) <= before
    assert server.engine_line == ""
