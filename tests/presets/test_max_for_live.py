"""The Max patch: whole, wired to what is there, and speaking the protocol.

Max is not run; what a box sends is read from its text.
"""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from bridge.presets import presets_folder
from bridge.row import Row, Value
from bridge.table import Table
from tests.presets.scripts import module_from

FOLDER = presets_folder() / "max-for-live"
PATCH = FOLDER / "sideman.maxpat"
TABLE = Table(decks=4)

Box = dict[str, Any]


@pytest.fixture(scope="module")
def patcher() -> dict[str, Any]:
    patcher: dict[str, Any] = json.loads(PATCH.read_text(encoding="utf-8"))["patcher"]
    return patcher


@pytest.fixture(scope="module")
def boxes(patcher: dict[str, Any]) -> dict[str, Box]:
    return {entry["box"]["id"]: entry["box"] for entry in patcher["boxes"]}


@pytest.fixture(scope="module")
def lines(patcher: dict[str, Any]) -> list[tuple[str, int, str, int]]:
    ends = (entry["patchline"] for entry in patcher["lines"])
    return [(*line["source"], *line["destination"]) for line in ends]


def test_it_is_what_its_script_writes() -> None:
    assert PATCH.read_text(encoding="utf-8") == module_from(FOLDER / "build.py").build()


def test_every_cord_joins_an_outlet_and_an_inlet(
    boxes: dict[str, Box], lines: list[tuple[str, int, str, int]]
) -> None:
    assert len(lines) > 100
    assert len(set(lines)) == len(lines)
    for source, outlet, target, inlet in lines:
        assert 0 <= outlet < boxes[source]["numoutlets"], source
        assert 0 <= inlet < boxes[target]["numinlets"], target


def test_every_control_is_seen_and_leads_somewhere(
    patcher: dict[str, Any], boxes: dict[str, Box], lines: list[tuple[str, int, str, int]]
) -> None:
    sources = {line[0] for line in lines}
    for name, box in boxes.items():
        if box["maxclass"] in ("live.text", "textedit", "toggle", "slider"):
            x, y, width, height = box["presentation_rect"]
            assert x >= 0
            assert x + width <= patcher["devicewidth"]
            assert y >= 0
            assert y + height <= 169  # a device in Live is so high
            assert name in sources


def test_controls_do_not_overlap(boxes: dict[str, Box]) -> None:
    seen = [box["presentation_rect"] for box in boxes.values() if "presentation" in box]
    for i, (x, y, width, height) in enumerate(seen):
        for a, b, c, d in seen[:i]:
            assert x >= a + c or a >= x + width or y >= b + d or b >= y + height, (x, y, a, b)


def typical(row: Row) -> Value:
    """Something that its first argument can be."""
    (arg, *_) = row.args
    return "dub techno" if arg.kind == "str" else 1 if arg.kind == "switch" else arg.low


def sent(
    boxes: dict[str, Box], lines: list[tuple[str, int, str, int]]
) -> list[tuple[str, list[Value]]]:
    """The messages that boxes would send, with a typical value where one is put in front of it."""
    after = {line[0]: boxes[line[2]].get("text", "") for line in lines}
    messages: list[tuple[str, list[Value]]] = []
    for name, box in boxes.items():
        word, *rest = shlex.split(box.get("text", "")) or [""]
        if box["maxclass"] == "message" and word.startswith("/"):
            messages.append((word, [int(value) for value in rest]))
        elif word == "prepend" and rest[0].startswith("/"):
            row = TABLE.row(rest[0])
            assert row is not None, rest[0]
            appended = after[name].split()[1:] if "append" in after[name] else []
            messages.append((rest[0], [typical(row), *map(int, appended)]))
    return messages


def test_what_it_sends_is_taken(
    boxes: dict[str, Box], lines: list[tuple[str, int, str, int]]
) -> None:
    messages = sent(boxes, lines)
    for address, values in messages:
        TABLE.resolve(address, values)
    addresses = {address for address, _ in messages}
    words = "prompt play stop hold mute capture level".split()
    assert {f"/deck/{n}/{word}" for n in range(1, 5) for word in words} <= addresses
    assert {
        "/tempo",
        "/play",
        "/stop",
        "/position",
        "/subscribe",
        "/panic",
        "/clip/render",
    } <= addresses
    assert {f"/slot/{n}/launch" for n in range(1, 9)} <= addresses


def test_what_it_shows_is_sent_by_the_server(boxes: dict[str, Box]) -> None:
    (route,) = (
        box["text"].split()[1:]
        for box in boxes.values()
        if box.get("text", "").startswith("route /")
    )
    assert {"/beat/str", "/clip/done", "/error", "/deck/4/state"} <= set(route) <= set(TABLE)


def test_it_listens_where_it_subscribes(boxes: dict[str, Box]) -> None:
    texts = [box.get("text", "") for box in boxes.values()]
    (port,) = (text.split()[1] for text in texts if text.startswith("udpreceive"))
    assert f"/subscribe {port}" in texts
    assert "udpsend 127.0.0.1 9740" in texts
