"""The Open Stage Control session against its program's own lists of properties, and the protocol
table: what it would send must be taken by a server of four decks, and what it shows must be
something that a server sends.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest

from bridge.presets import presets_folder
from bridge.row import Value
from bridge.table import Table

TABLE = Table(decks=4)
SESSION = presets_folder() / "open-stage-control" / "sideman.json"

Widget = dict[str, Any]


@pytest.fixture(scope="module")
def widgets() -> list[Widget]:
    """All widgets of the Open Stage Control session, the root first."""
    return list(below(json.loads(SESSION.read_text(encoding="utf-8"))["content"]))


class TestSession:
    # From the widgets' own lists of defaults in Open Stage Control 1.30; a word that is not among
    # them would be silently ignored there.
    COMMON = frozenset(
        "type id comments width height expand colorWidget padding default value bypass address "
        "preArgs typeTags decimals".split()
    )
    CONTAINER = frozenset("layout gridTemplate scroll widgets tabs".split())
    OWN: ClassVar = {
        "root": CONTAINER | {"onCreate"},
        "tab": CONTAINER | {"label"},
        "panel": CONTAINER,
        "text": frozenset({"align"}),
        "button": frozenset("label mode on off doubleTap decoupled".split()),
        "input": frozenset("align numeric".split()),
        "fader": frozenset("range pips".split()),
        "knob": frozenset("range doubleTap".split()),
        "switch": frozenset("values layout".split()),
    }

    def test_the_file_is_a_session(self) -> None:
        session = json.loads(SESSION.read_text(encoding="utf-8"))
        head = (session["createdWith"], session["type"], session["content"]["type"])
        assert head == ("Open Stage Control", "session", "root")

    def test_widgets_are_such_as_it_knows(self, widgets: list[Widget]) -> None:
        for widget in widgets:
            unknown = set(widget) - self.COMMON - self.OWN[widget["type"]]
            assert not unknown, widget["id"]

    def test_ids_are_unique(self, widgets: list[Widget]) -> None:
        # Widgets of one id are clones there, and follow each other.
        ids = [widget["id"] for widget in widgets]
        assert len(ids) == len(set(ids))

    def test_what_it_sends_is_taken(self, widgets: list[Widget]) -> None:
        for widget in widgets:
            if not widget.get("bypass") and widget["type"] != "text":
                for values in sent(widget):
                    TABLE.resolve(widget["address"], values)

    def test_what_it_shows_is_sent_by_the_server(self, widgets: list[Widget]) -> None:
        shown = [w["address"] for w in widgets if w["type"] == "text" and not w.get("bypass")]
        assert {"/beat/str", "/error", "/deck/1/state"} <= set(shown)
        assert set(shown) <= set(TABLE)

    def test_containers_and_labels_send_nothing(self, widgets: list[Widget]) -> None:
        # A tab that is chosen, or a panel that is scrolled, would send its own id otherwise.
        for widget in widgets:
            if "address" not in widget:
                assert widget.get("bypass"), widget["id"]

    def test_scripts_only_subscribe(self, widgets: list[Widget]) -> None:
        scripts = [w[key] for w in widgets for key in w if re.fullmatch("on[A-Z].*", key)]
        assert scripts == ['send("/subscribe")']
        TABLE.resolve("/subscribe", [])

    def test_ranges_are_the_tables(self, widgets: list[Widget]) -> None:
        """A knob that stops short of the table's range would hide values."""
        partial = {"/deck/N/morph"}  # 0..1024 beats is no range for a knob
        for widget in widgets:
            if widget["type"] in ("knob", "fader"):
                (request,) = TABLE.resolve(widget["address"], [widget["range"]["max"]])
                arg = request.row.args[0]
                if request.row.path not in partial:
                    assert (widget["range"]["min"], widget["range"]["max"]) == (arg.low, arg.high)

    def test_it_reaches_all_decks_sixteen_slots_and_the_panic_button(
        self, widgets: list[Widget]
    ) -> None:
        addresses = {widget.get("address") for widget in widgets}
        parts = "prompt play stop level mute solo temperature guidance top_k morph state".split()
        parts += "hold capture reset warp lock".split()
        assert {f"/deck/{n}/{part}" for n in range(1, 5) for part in parts} <= addresses
        assert {f"/slot/{n}/launch" for n in range(1, 17)} <= addresses
        assert {
            f"/scene/{n}/{word}" for n in range(1, 9) for word in ("launch", "store")
        } <= addresses
        assert {"/panic", "/play", "/stop", "/tempo", "/tempo/tap", "/grid"} <= addresses
        assert {"/clock", "/clock/state", "/key", "/clip/render", "/clip/done"} <= addresses

    def test_choices_of_others_are_widgets(self, widgets: list[Widget]) -> None:
        chosen = {widget["id"]: widget for widget in widgets}
        for word, values in OF_OTHERS.items():
            widget = chosen[word[2:-1]]
            assert widget["bypass"]
            assert widget.get("values", values) == values


OF_OTHERS: dict[Any, list[Any]] = {
    "@{to_deck}": [1, 2, 3, 4],
    "@{clip_prompt}": ["dub techno"],
    "@{clip_bars}": [1, 2, 4, 8, 16],
}
"""What widgets take from others: the choices there."""


def below(widget: Widget) -> Iterator[Widget]:
    """The widget and all inside it."""
    yield widget
    for child in [*widget.get("widgets", []), *widget.get("tabs", [])]:
        yield from below(child)


def sent(widget: Widget) -> list[tuple[Value, ...]]:
    """The argument lists that a widget can send, at the ends of its range."""
    match widget["type"], widget.get("mode"):
        case "button", "momentary":
            return [()]
        case "button", "toggle":
            return [tagged(widget, widget[state]) for state in ("on", "off")]
        case "button", "tap":
            before = [OF_OTHERS[word][0] for word in [widget.get("preArgs")] if word]
            chosen = OF_OTHERS.get(widget["on"], [widget["on"]])
            return [tagged(widget, *before, value) for value in chosen]
        case "fader" | "knob", _:
            return [tagged(widget, widget["range"][end]) for end in ("min", "max")]
        case "switch", _:
            return [tagged(widget, value) for value in widget["values"]]
        case "input", _:
            return [tagged(widget, widget.get("default", "808, but slower"))]
    raise AssertionError(f"a widget that this test cannot read: {widget['id']}")


def tagged(widget: Widget, *values: Any) -> tuple[Value, ...]:
    """`values` as they go out, by the widget's type tags."""
    kinds: dict[str, Callable[[Any], Value]] = {"i": int, "f": float, "s": str}
    tags = widget["typeTags"]
    return tuple(kinds[tag](value) for tag, value in zip(tags, values, strict=True))
