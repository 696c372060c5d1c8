"""The tree says of each address what the table takes: no more, and no less."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest

from bridge.addresses import ROWS
from bridge.row import Access, Row, Value
from bridge.table import Table
from bridge.web.tree import ATTRIBUTES, Tree, access_of, describe, host_info, typed
from engine.errors import BadValue

TABLE = Table(decks=4)
PATHS = tuple(TABLE)
SAMPLES: dict[str, Value] = {"i": 3, "f": 2.5, "s": "A minor", "T": True, "I": math.inf}


def tree(**known: tuple[Value, ...]) -> Tree:
    return Tree(TABLE, {f"/{key.replace('_', '/')}": v for key, v in known.items()}.get)


def methods(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if node["ACCESS"]:
        yield node
    for below in node.get("CONTENTS", {}).values():
        yield from methods(below)


def sample(form: dict[str, Any]) -> list[Value]:
    """A message that the form allows, each at its upper end: a 0 may be a button let go."""
    ranges = form.get("RANGE") or [None] * len(form["TYPE"])
    return [
        SAMPLES[tag] if between is None else between.get("VALS", [between.get("MAX")])[0]
        for tag, between in zip(form["TYPE"], ranges, strict=True)
    ]


WRITABLE = [node for node in methods(tree().node("/") or {}) if node["ACCESS"] & 2]
FORMS = [
    pytest.param(node["FULL_PATH"], form, id=f"{node['FULL_PATH']} {form['TYPE']}")
    for node in WRITABLE
    if not node["FULL_PATH"].startswith(("/deck/2", "/deck/3", "/deck/4"))
    and not any(part.isdigit() and int(part) > 1 for part in node["FULL_PATH"].split("/"))
    for form in (node, *node.get("OVERLOADS", ()))
]


def test_every_address_is_a_node_and_every_node_with_access_an_address() -> None:
    root = tree().node("/")
    assert root is not None
    assert sorted(node["FULL_PATH"] for node in methods(root)) == sorted(PATHS)
    for path in PATHS:
        assert (tree().node(path) or {})["FULL_PATH"] == path


def test_a_node_hangs_under_its_own_name() -> None:
    def check(node: dict[str, Any]) -> None:
        for name, below in node.get("CONTENTS", {}).items():
            assert below["FULL_PATH"] == f"{node['FULL_PATH'].rstrip('/')}/{name}"
            check(below)

    check(tree().node("/") or {})


@pytest.mark.parametrize(("path", "form"), FORMS)
def test_what_is_described_is_taken(path: str, form: dict[str, Any]) -> None:
    values = sample(form)
    (request,) = TABLE.resolve(path, values)
    assert request.path == path
    if form["TYPE"] == "I" and path != "/ping":
        assert request.values == ()
        assert TABLE.resolve(path, ()) == [request]


@pytest.mark.parametrize(("path", "form"), FORMS)
def test_what_lies_beyond_the_range_is_refused(path: str, form: dict[str, Any]) -> None:
    for i, between in enumerate(form.get("RANGE", ())):
        for beyond in outside(between) if between else ():
            values = sample(form)
            values[i] = beyond
            with pytest.raises(BadValue):
                TABLE.resolve(path, values)


def outside(between: dict[str, Any]) -> Iterator[Value]:
    if "VALS" in between:
        yield "none of these"
    if "MIN" in between:
        yield between["MIN"] - 2  # 0 is a button let go
    if "MAX" in between:
        yield between["MAX"] + 1


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.path)
def test_lists_are_as_long_as_the_type(row: Row) -> None:
    node = describe(row)
    for form in (node, *node.get("OVERLOADS", ())):
        for name in ("RANGE", "UNIT"):
            assert len(form.get(name, form.get("TYPE", ""))) == len(form.get("TYPE", ""))
    assert set(node) <= ATTRIBUTES
    json.dumps(node, allow_nan=False)


@pytest.mark.parametrize(
    ("path", "access", "tags"),
    [
        ("/tempo", 3, "f"),
        ("/deck/1/top_k", 3, "i"),
        ("/deck/1/mute", 3, "T"),
        ("/deck/1/prompt", 3, "s"),
        ("/deck/1/play", 2, "I"),
        ("/clip/render", 2, "si"),
        ("/sync", 2, "i"),
        ("/deck/1/state", 1, "s"),
        ("/clip/done", 1, "isffi"),
    ],
)
def test_how_kinds_of_addresses_are_shown(path: str, access: int, tags: str) -> None:
    node = tree().node(path)
    assert node is not None
    assert (node["ACCESS"], node["TYPE"]) == (access, tags)


def test_choices_and_ranges_and_units_come_from_the_table() -> None:
    gain = tree().node("/deck/1/gain")
    grid = tree().node("/grid")
    assert gain is not None
    assert grid is not None
    assert gain["RANGE"] == [{"MIN": -60.0, "MAX": 6.0}]
    assert gain["UNIT"] == ["gain.db"]
    assert grid["RANGE"] == [{"VALS": ["none", "beat", "bar", "2bars", "4bars", "8bars"]}]


def test_values_have_the_types_that_are_promised() -> None:
    it = tree(deck_1_mute=(1,), tempo=(98.5,), signature=(3, 4), deck_1_gain=(math.nan,))
    assert it.attribute("/deck/1/mute", "VALUE") == {"VALUE": [True]}
    assert it.attribute("/tempo", "VALUE") == {"VALUE": [98.5]}
    assert it.attribute("/signature", "VALUE") == {"VALUE": [3, 4]}
    assert it.attribute("/deck/1/gain", "VALUE") == {"VALUE": [None]}
    assert typed(TABLE.row("/deck/1/mute"), (0,)) == (False,)
    assert typed(TABLE.row("/tempo"), (1,)) == (1,)


def test_a_blend_shows_its_first_prompt_and_the_whole_under_overloads() -> None:
    node = tree(deck_1_prompt=("techno", 0.5, "jazz", 1.5)).node("/deck/1/prompt")
    assert node is not None
    assert node["VALUE"] == ["techno"]
    (whole,) = [form for form in node["OVERLOADS"] if "VALUE" in form]
    assert whole["TYPE"] == "sfsf"
    assert whole["VALUE"] == ["techno", 0.5, "jazz", 1.5]
    assert len(whole["RANGE"]) == 4
    plain = tree(deck_1_prompt=("techno",)).node("/deck/1/prompt")
    assert plain is not None
    assert not [form for form in plain["OVERLOADS"] if "VALUE" in form]


def test_three_prompts_are_shown_whole_too() -> None:
    known = ("a", 1.0, "b", 1.0, "c", 1.0)
    node = tree(slot_7_prompt=known).node("/slot/7/prompt")
    assert node is not None
    assert node["OVERLOADS"][-1] == {"TYPE": "sfsfsf", "VALUE": list(known)}


def test_an_empty_slot_is_an_empty_prompt_as_over_osc() -> None:
    assert tree().attribute("/slot/3/prompt", "VALUE") == {"VALUE": [""]}


def test_what_has_no_value_has_none() -> None:
    it = tree(play=(1,))
    assert it.attribute("/play", "VALUE") == {}
    assert it.attribute("/clip/done", "VALUE") == {}
    assert it.attribute("/deck", "TYPE") == {}
    assert it.attribute("/tempo", "CONTENTS") != {}
    assert it.attribute("/grid", "CONTENTS") == {}
    assert it.attribute("/nowhere", "VALUE") is None
    assert it.node("/deck/1/") is None
    with pytest.raises(BadValue, match="COLOUR"):
        it.attribute("/tempo", "COLOUR")


def test_only_what_is_supported_is_claimed() -> None:
    claimed = set(host_info(("127.0.0.1", 1), ("127.0.0.1", 2))["EXTENSIONS"])
    seen = {name for row in ROWS for name in describe(row)} | {"VALUE"}
    assert claimed - {"LISTEN"} == seen - {"TYPE"}


def test_an_impulse_is_no_argument_only_where_none_is_needed() -> None:
    for value in (None, math.inf):
        with pytest.raises(BadValue):
            TABLE.resolve("/tempo", [value])
        with pytest.raises(BadValue):
            TABLE.resolve("/deck/1/capture", [value])
        (ping,) = TABLE.resolve("/ping", [value])
        assert ping.values == (value,)
        (hold,) = TABLE.resolve("/deck/1/hold", [value])
        assert hold.values == ()


def test_a_row_is_read_or_written_or_both() -> None:
    for row in ROWS:
        assert bool(access_of(row) & 2) == (
            row.access in (Access.VALUE, Access.SWITCH, Access.TRIGGER)
            or (row.access is Access.READ and not row.reply)
        )
