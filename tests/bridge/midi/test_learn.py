from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.midi.learn import LearntControls
from bridge.midi.messages import Key
from engine.errors import BadValue

KNOB = Key("nanoKONTROL2", 1, "cc", 20)
PAD = Key("ümläut «pad»", 10, "note", 40)


@pytest.fixture
def said() -> list[str]:
    return []


def test_what_was_learnt_is_there_after_a_restart(tmp_path: Path, said: list[str]) -> None:
    store = tmp_path / "not" / "yet" / "midi.json"
    learnt = LearntControls(store, said.append)
    learnt.bind(KNOB, "/deck/1/gain")
    learnt.bind(PAD, "/play")
    learnt.bind(KNOB, "/deck/2/gain")
    learnt.flush()
    again = LearntControls(store, said.append)
    assert again.get(KNOB) == "/deck/2/gain"
    assert again.get(PAD) == "/play"
    assert [path.name for path in store.parent.iterdir()] == ["midi.json"]
    assert said == []


def test_forgetting_takes_every_control_of_the_address(tmp_path: Path, said: list[str]) -> None:
    store = tmp_path / "midi.json"
    learnt = LearntControls(store, said.append)
    learnt.bind(KNOB, "/play")
    learnt.bind(PAD, "/play")
    learnt.flush()
    learnt.forget("/play")
    learnt.flush()
    assert LearntControls(store, said.append).get(PAD) is None
    with pytest.raises(BadValue, match="no control was learnt for /play"):
        learnt.forget("/play")


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "null", '{"version": 2, "controls": []}', '{"version": 1}',
        '{"version": 1, "controls": [{"port": "x"}]}', '{"version": 1, "controls": [3]}',
        '{"version": 1, "controls": [{"port": 1, "channel": 1, "kind": "cc", "number": 1,'
        ' "address": "/play"}]}', "[" * 100_000,
    ],
)  # fmt: skip
def test_a_broken_file_is_moved_aside(tmp_path: Path, said: list[str], text: str) -> None:
    store = tmp_path / "midi.json"
    store.write_text(text, encoding="utf-8")
    learnt = LearntControls(store, said.append)
    assert learnt.get(KNOB) is None
    assert (tmp_path / "midi.json.bad").read_text(encoding="utf-8") == text
    assert len(said) == 1
    assert "\n" not in said[0]
    assert "midi.json.bad" in said[0]
    learnt.bind(KNOB, "/play")
    learnt.flush()
    assert json.loads(store.read_text(encoding="utf-8"))["controls"][0]["address"] == "/play"


@given(st.binary(max_size=200))
def test_any_file_whatever_starts(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    store = tmp_path_factory.mktemp("store") / "midi.json"
    store.write_bytes(data)
    said: list[str] = []
    assert LearntControls(store, said.append).get(KNOB) is None
    assert len(said) == 1


def test_a_folder_that_cannot_be_written_is_said_and_the_map_lasts(
    tmp_path: Path, said: list[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    learnt = LearntControls(tmp_path / "file" / "midi.json", said.append)
    said.clear()
    learnt.bind(KNOB, "/play")
    learnt.flush()
    assert learnt.get(KNOB) == "/play"
    assert len(said) == 1
    assert "not saved" in said[0]
