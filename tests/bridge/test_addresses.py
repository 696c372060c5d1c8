from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.addresses import MAX_DECKS, ROWS
from bridge.row import MAX_TEXT, Access, Value
from bridge.table import Table
from engine.errors import BadValue


@pytest.fixture(scope="module")
def table() -> Table:
    return Table(4)


def values(table: Table, address: str, *args: Value) -> tuple[Value, ...]:
    """The values of the one request that this means."""
    (request,) = table.resolve(address, args)
    assert request.path == address
    return request.values


def paths(table: Table, address: str, *args: Value) -> set[str]:
    return {request.path for request in table.resolve(address, args)}


def test_every_path_is_there_once() -> None:
    counts = Counter(row.path for row in ROWS)
    assert [path for path, count in counts.items() if count > 1] == []
    assert all(row.path.startswith("/") and row.does for row in ROWS)


def test_optional_arguments_come_last() -> None:
    for row in ROWS:
        fixed = row.args[: len(row.args) - row.repeat]
        optional = [arg.optional for arg in fixed]
        assert optional == sorted(optional), row.path
        assert row.repeat <= len(row.args), row.path


def test_names_of_arguments_are_told_apart() -> None:
    for row in ROWS:
        for args in (row.args, row.reply):
            assert len({arg.name for arg in args}) == len(args), row.path


def test_the_table_is_laid_out_for_the_decks() -> None:
    assert "/deck/4/gain" in set(Table(4))
    assert "/deck/5/gain" not in set(Table(4))
    assert f"/deck/{MAX_DECKS}/gain" in set(Table(MAX_DECKS))
    assert "/slot/128/launch" in set(Table(1))
    assert not any("/N/" in path for path in Table(1))


def test_whole_numbers_and_floats_are_interchangeable(table: Table) -> None:
    assert values(table, "/tempo", 120) == (120.0,)
    assert type(values(table, "/tempo", 120)[0]) is float
    assert values(table, "/deck/1/top_k", 250.0) == (250,)
    assert type(values(table, "/deck/1/top_k", 250.0)[0]) is int
    assert values(table, "/slot/3/launch", True) == ()  # a button that is pressed
    with pytest.raises(BadValue, match=r"top_k is a whole number, not 2.5"):
        table.resolve("/deck/1/top_k", (2.5,))


def test_large_identities_stay_exact(table: Table) -> None:
    assert values(table, "/sync", 2**60 + 1) == (2**60 + 1,)


@pytest.mark.parametrize(
    ("args", "read"), [((), ()), ((True,), (True,)), ((False,), (False,)), ((1,), (True,)),
                       ((0,), (False,)), ((0.0,), (False,)), ((1.0,), (True,))]
)  # fmt: skip
def test_switches_take_all_kinds_and_toggle_without(
    table: Table, args: tuple[Value, ...], read: tuple[Value, ...]
) -> None:
    (request,) = table.resolve("/deck/1/mute", args)
    assert request.values == read
    assert not request.reads


@pytest.mark.parametrize(
    "address", ["/play", "/panic", "/deck/1/play", "/scene/1/launch", "/slot/5/launch"]
)
def test_triggers_ignore_a_button_let_go(table: Table, address: str) -> None:
    for released in (0, 0.0, False):
        assert table.resolve(address, (released,)) == []
    assert values(table, address) == ()


@pytest.mark.parametrize("address", ["/play", "/panic", "/deck/1/play", "/scene/1/launch"])
def test_triggers_take_a_button_pressed(table: Table, address: str) -> None:
    for pressed in (1, 1.0, True, 127, 0.3):
        assert values(table, address, pressed) == ()


def test_triggers_with_arguments(table: Table) -> None:
    assert values(table, "/deck/1/play", "bar") == ("bar",)
    assert values(table, "/slot/1/launch", 3) == (3,)
    assert values(table, "/clip/render", "a loop", 4) == ("a loop", 4)
    assert values(table, "/clip/batch", 4, "a", "b", "c") == (4, "a", "b", "c")
    assert values(table, "/subscribe", 9000, 30) == (9000, 30.0)


def test_a_value_without_argument_is_read(table: Table) -> None:
    for address in ("/tempo", "/deck/1/prompt", "/signature"):
        (request,) = table.resolve(address, ())
        assert request.reads
    (request,) = table.resolve("/tempo", (120,))
    assert not request.reads
    (request,) = table.resolve("/status", ())
    assert request.reads


def test_the_index_is_known(table: Table) -> None:
    assert [request.index for request in table.resolve("/deck/3/gain", (0,))] == [3]
    assert [request.index for request in table.resolve("/tempo", (100,))] == [0]


def test_blends_of_prompts(table: Table) -> None:
    assert values(table, "/deck/1/prompt", "a") == ("a",)
    assert values(table, "/deck/1/prompt", "a", 1, "b", 0.5) == ("a", 1.0, "b", 0.5)
    assert values(table, "/deck/1/prompt", "a", 1, "b") == ("a", 1.0, "b")
    with pytest.raises(BadValue, match="weight is a number, not 'b'"):
        table.resolve("/deck/1/prompt", ("a", "b"))
    with pytest.raises(BadValue, match="prompt is a string, not 1"):
        table.resolve("/deck/1/prompt", (1,))


@pytest.mark.parametrize(
    ("address", "args", "reason"),
    [
        ("/tempo", (19.99,), r"bpm 19.99 is out of range 20..400"),
        ("/tempo", (401,), r"out of range 20..400"),
        ("/tempo", (math.nan,), r"nan is out of range"),
        ("/tempo", (math.inf,), r"inf is out of range"),
        ("/tempo", (-math.inf,), r"out of range"),
        ("/tempo", ("120",), r"bpm is a number, not '120'"),
        ("/tempo", (None,), r"bpm is a number, not None"),
        ("/tempo", (b"x",), r"bpm is a number"),
        ("/tempo", (100, 100), r"takes f:bpm, got 2 arguments"),
        ("/sync", (math.nan,), r"whole number"),
        ("/sync", (), r"takes i:id, got 0 arguments"),
        ("/signature", (4,), r"takes i:numerator i:denominator, got 1"),
        ("/grid", ("3bars",), r"grid '3bars' is none of none beat bar"),
        ("/deck/1/mute", ("on",), r"on is 0, 1, true or false, not 'on'"),
        ("/deck/1/prompt", ("x" * (MAX_TEXT + 1),), r"4097 characters, at most 4096"),
        ("/deck/1/prompt", ("x" * 100_000,), r"at most 4096"),
        ("/deck/5/gain", (0,), r"there is no deck 5: decks go from 1 to 4 \(serve --decks"),
        ("/deck/0/gain", (0,), r"there is no deck 0"),
        ("/deck/one/gain", (0,), r"there is no deck one"),
        ("/slot/129/prompt", ("a",), r"there is no slot 129: slots go from 1 to 128"),
        ("/scene/17/launch", (), r"there is no scene 17"),
        ("/deck/1/gian", (0,), r"unknown address"),
        ("/deck", (), r"unknown address"),
        ("/", (), r"unknown address"),
        ("/deck/1/hold", (0.5,), r"bars is a whole number, not 0.5"),
        ("/deck/1/capture", (65,), r"bars 65 is out of range 1..64"),
        ("/deck/1/continue", (), r"takes s:clip"),
        ("/clip/render", (1,), r"takes s:prompt i:bars \[i:seed\]"),
        ("/nothing/*", (), r"no address matches"),
        ("/deck/[1/gain", (), r"no address matches"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    table: Table, address: str, args: tuple[Value, ...], reason: str
) -> None:
    with pytest.raises(BadValue, match=reason) as caught:
        table.resolve(address, args)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_a_pattern_names_many(table: Table) -> None:
    assert paths(table, "/deck/*/stop") == {f"/deck/{n}/stop" for n in (1, 2, 3, 4)}
    assert paths(table, "/deck/[12]/gain", -6) == {"/deck/1/gain", "/deck/2/gain"}
    assert paths(table, "/deck/{1,3}/mute") == {"/deck/1/mute", "/deck/3/mute"}
    decks = {f"/deck/{n}/stop" for n in (1, 2, 3, 4)}
    assert paths(table, "//stop") == {"/stop", "/clip/audition/stop", *decks}
    assert paths(table, "/deck/?/gain") == {f"/deck/{n}/gain" for n in (1, 2, 3, 4)}


def test_a_pattern_changes_all_that_it_names_or_nothing(table: Table) -> None:
    with pytest.raises(BadValue, match="prompt is a string"):
        table.resolve("/deck/1/*", (0.5,))
    assert len(table.resolve("/deck/1/{gain,temperature,morph}", (0.5,))) == 3


def test_a_pattern_names_nothing_that_only_the_server_sends(table: Table) -> None:
    assert paths(table, "/clip/*") == {"/clip/list", "/clip/folder"}


def test_a_pattern_without_arguments_passes_over_what_needs_some(table: Table) -> None:
    assert "/deck/1/continue" not in paths(table, "/deck/1/*")
    assert paths(table, "/deck/1/continu?", "end.wav") == {"/deck/1/continue"}
    with pytest.raises(BadValue, match="takes s:clip"):
        table.resolve("/deck/*/continue", ())


def test_a_pattern_for_buttons_let_go(table: Table) -> None:
    assert table.resolve("/deck/*/stop", (0,)) == []


def test_what_only_the_server_sends_is_ignored_as_an_echo(table: Table) -> None:
    for row in ROWS:
        if row.access is Access.OUT:
            assert table.resolve(row.path.replace("/N/", "/1/"), ("anything", 1)) == []


ANY = st.one_of(st.integers(), st.floats(), st.text(max_size=20), st.booleans(), st.none(),
                st.binary(max_size=8))  # fmt: skip


@given(st.sampled_from(sorted(Table(2))), st.lists(ANY, max_size=5))
def test_whatever_is_sent_is_resolved_or_refused(address: str, args: list[Value]) -> None:
    try:
        requests = Table(2).resolve(address, args)
    except BadValue:
        return
    for request in requests:
        for value in request.values:
            if request.row.path != "/ping":
                assert not (isinstance(value, float) and not math.isfinite(value))


def test_signatures_for_people() -> None:
    rows = {row.path: row for row in ROWS}
    assert rows["/deck/N/prompt"].signature == "s:prompt [f:weight] ..."
    assert rows["/deck/N/mute"].signature == "[T/F:on]"
    assert rows["/play"].signature == ""
