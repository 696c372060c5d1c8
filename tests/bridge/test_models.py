"""Downloads of models: told of as they come, given up, and refused in words."""

from __future__ import annotations

from collections.abc import Iterator
from multiprocessing import Pipe
from pathlib import Path
from queue import Queue

import pytest

from bridge import engines
from bridge.models import Models, _fetch
from bridge.row import Value
from engine.errors import BadValue, EngineUnavailable
from tests.bridge import fetching

SMALL = "facebook/musicgen-small"
PATIENCE_S = 30.0

Heard = Queue[tuple[Value, ...]]


@pytest.fixture
def heard() -> Heard:
    return Queue()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setattr(engines, "_is_installed", lambda: True)
    return tmp_path


@pytest.fixture
def half(heard: Heard) -> Iterator[Models]:
    models = Models(lambda asker, *said: heard.put(said), fetching.fetch_half)
    yield models
    models.close()


def wait_for(heard: Heard, address: str) -> tuple[Value, ...]:
    while (said := heard.get(timeout=PATIENCE_S))[0] != address:
        pass
    return said


def test_a_download_is_told_of_and_can_be_given_up(half: Models, heard: Heard) -> None:
    half.download("small", None)
    assert heard.get(timeout=PATIENCE_S) == ("/model/progress", SMALL, 0.0, 0.0)
    while (said := wait_for(heard, "/model/progress"))[2] != 0.5:
        pass
    assert said == ("/model/progress", SMALL, 0.5, 2.0)
    assert [item.model for item in half.list() if item.state == "downloading"] == [SMALL]
    with pytest.raises(BadValue, match="one at a time"):
        half.download("medium", None)
    half.cancel("small")
    assert wait_for(heard, "/model/failed") == ("/model/failed", SMALL, "cancelled")
    assert not [item for item in half.list() if item.state == "downloading"]
    with pytest.raises(BadValue, match="no download"):
        half.cancel("small")


def test_a_download_that_ends_well(heard: Heard) -> None:
    models = Models(lambda asker, *said: heard.put((asker, *said)), fetching.fetch_all)
    models.download(SMALL, "me")
    while (said := heard.get(timeout=PATIENCE_S))[1] == "/model/progress":
        pass
    assert said == ("me", "/model/done", SMALL)


def test_without_a_network_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("huggingface_hub")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("signal.signal", lambda *_: None)
    ours, theirs = Pipe(duplex=False)
    _fetch(SMALL, theirs)
    what, reason = ours.recv()
    assert what == "failed"
    assert "127.0.0.1:9 cannot be reached" in reason


def test_what_cannot_be_downloaded(half: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EngineUnavailable, match="melody"):
        half.download("melody", None)
    with pytest.raises(BadValue, match="no such folder"):
        half.download("../etc", None)
    monkeypatch.setattr(engines, "_is_installed", lambda: False)
    with pytest.raises(EngineUnavailable, match="pip install"):
        half.download("small", None)


def test_what_is_on_the_disk_is_listed(half: Models, cache: Path) -> None:
    assert {item.state for item in half.list()} == {"absent"}
    copies = cache / "hub" / "models--someone--dub-musicgen"
    snapshot = copies / "snapshots" / "0"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text('{"model_type": "musicgen"}')
    (snapshot / "tokenizer.json").write_text("{}")
    (snapshot / "model.safetensors").write_bytes(bytes(3_000_000))
    [found] = [item for item in half.list() if item.state == "cached"]
    assert found.model == "someone/dub-musicgen"
    assert found.size_mb == pytest.approx(3.0, abs=0.01)
