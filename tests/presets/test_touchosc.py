"""The TouchOSC surface: a file of its format, laid out without overlaps, speaking the protocol.

TouchOSC is not run. Which properties a kind of control has is from files that it saved.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from xml.etree import ElementTree

import pytest

from bridge.presets import presets_folder
from bridge.row import Value
from bridge.table import Table
from tests.presets.scripts import module_from

FOLDER = presets_folder() / "touchosc"
FILE = FOLDER / "sideman.tosc"
TABLE = Table(decks=4)

Element = ElementTree.Element

EVERY = frozenset(
    "background:b color:c cornerRadius:f frame:r grabFocus:b interactive:b locked:b name:s "
    "orientation:i outline:b outlineStyle:i pointerPriority:i shape:i visible:b".split()
)
OWN = {
    "GROUP": "",
    "PAGER": "tabLabels:b tabbar:b tabbarDoubleTap:b tabbarSize:i textSizeOff:i textSizeOn:i",
    "BUTTON": "buttonType:i press:b release:b valuePosition:b",
    "FADER": "bar:b barDisplay:i cursor:b cursorDisplay:i grid:b gridSteps:i response:i "
    "responseFactor:i",
    "LABEL": "font:i textAlignH:i textAlignV:i textClip:b textColor:c textLength:i textSize:i",
}
PAGE = frozenset("tabColorOff:c tabColorOn:c tabLabel:s textColorOff:c textColorOn:c".split())
VALUES = {"GROUP": "touch", "PAGER": "page touch", "BUTTON": "touch x", "FADER": "touch x",
          "LABEL": "text touch"}  # fmt: skip


@pytest.fixture(scope="module")
def root() -> Element:
    return ElementTree.fromstring(zlib.decompress(FILE.read_bytes()))


@pytest.fixture(scope="module")
def nodes(root: Element) -> list[Element]:
    return list(root.iter("node"))


def properties(node: Element) -> dict[str, Element]:
    return {entry.findtext("key", ""): entry for entry in node.findall("properties/property")}


def frame(node: Element) -> tuple[float, float, float, float]:
    value = properties(node)["frame"]
    x, y, width, height = (float(value.findtext(f"value/{side}", "")) for side in "xywh")
    return x, y, width, height


def test_it_is_what_its_script_writes() -> None:
    # The text and not the bytes: another zlib packs the same text differently.
    text = module_from(FOLDER / "build.py").build()
    assert zlib.decompress(FILE.read_bytes()).decode("utf-8") == text


def test_nodes_are_such_as_touchosc_writes(root: Element, nodes: list[Element]) -> None:
    assert (root.tag, root.get("version"), len(root)) == ("lexml", "3", 1)
    assert len({node.get("ID") for node in nodes}) == len(nodes)
    for node in nodes:
        kind = node.get("type", "")
        keys = {f"{key}:{entry.get('type')}" for key, entry in properties(node).items()}
        assert keys - PAGE == EVERY | set(OWN[kind].split()), kind
        values = {entry.findtext("key") for entry in node.findall("values/value")}
        assert values == set(VALUES[kind].split())
        order = [child.tag for child in node]
        assert order == [t for t in "properties values messages children".split() if t in order]


def test_pages_have_names(root: Element) -> None:
    pages = root.findall("node/children/node[@type='PAGER']/children/node")
    names = [properties(page)["tabLabel"].findtext("value") for page in pages]
    assert names == ["Play", "Decks", "Pads"]


def test_controls_lie_within_their_page_and_not_on_each_other(nodes: list[Element]) -> None:
    for parent in nodes:
        _, _, width, height = frame(parent)
        placed: list[tuple[float, float, float, float]] = []
        for node in parent.findall("children/node"):
            x, y, w, h = here = frame(node)
            assert x >= 0
            assert y >= 0
            assert x + w <= width
            assert y + h <= height + 40 * (parent.get("type") == "PAGER")
            if parent.get("type") == "PAGER" or here in placed:
                continue  # pages lie on each other, and so do a button and its label
            for a, b, c, d in placed:
                assert x >= a + c or a >= x + w or y >= b + d or b >= y + h, (here, (a, b, c, d))
            placed.append(here)


def messages(nodes: list[Element]) -> Iterator[tuple[Element, Element, str]]:
    """Each OSC message with its control and its address."""
    for node in nodes:
        for osc in node.findall("messages/osc"):
            yield (
                node,
                osc,
                "".join(part.findtext("value", "") for part in osc.findall("path/partial")),
            )


def arguments(osc: Element, end: str) -> list[Value]:
    """What it sends at an `end` of its control, `scaleMin` or `scaleMax`."""
    kinds: dict[str, Callable[[str], Value]] = {
        "INTEGER": lambda text: round(float(text)),
        "FLOAT": float,
        "STRING": str,
    }
    values: list[Value] = []
    for part in osc.findall("arguments/partial"):
        of = "value" if part.findtext("type") == "CONSTANT" else end
        values.append(kinds[part.findtext("conversion", "")](part.findtext(of, "")))
    return values


def test_what_it_sends_is_taken(nodes: list[Element]) -> None:
    sent = set()
    for _, osc, address in messages(nodes):
        if osc.findtext("send") == "1":
            sent.add(address)
            for end in ("scaleMin", "scaleMax"):
                TABLE.resolve(address, arguments(osc, end))
    words = (
        "play stop level mute solo temperature guidance top_k morph hold reset capture warp"
    ).split()
    assert {f"/deck/{n}/{word}" for n in range(1, 5) for word in words} <= sent
    assert {f"/slot/{n}/launch" for n in range(1, 17)} <= sent
    assert {f"/scene/{n}/{word}" for n in range(1, 9) for word in ("launch", "store")} <= sent
    assert {"/play", "/stop", "/tempo", "/tempo/tap", "/grid", "/panic", "/subscribe"} <= sent


def test_every_pad_goes_to_its_deck(nodes: list[Element]) -> None:
    pads = [
        (address, *arguments(osc, "scaleMax"))
        for _, osc, address in messages(nodes)
        if address.startswith("/slot/")
    ]
    assert len(set(pads)) == len(pads) == 16 * 4


def test_what_it_shows_is_sent_by_the_server(nodes: list[Element]) -> None:
    shown = {address for _, osc, address in messages(nodes) if osc.findtext("receive") == "1"}
    assert {"/beat/str", "/error", "/clock/state", "/deck/1/prompt", "/deck/4/lock"} <= shown
    assert shown <= set(TABLE)


def test_a_button_let_go_sends_nothing(nodes: list[Element]) -> None:
    """Else a second message would follow, such as another `hold`."""
    for node, osc, _ in messages(nodes):
        if node.get("type") == "BUTTON" and properties(node)["buttonType"].findtext("value") == "0":
            assert osc.findtext("triggers/trigger/condition") == "RISE"


def test_faders_have_the_tables_ranges(nodes: list[Element]) -> None:
    """One that stops short would hide values."""
    partial = {"/tempo", "/deck/N/morph"}  # too wide for a finger
    for node, osc, address in messages(nodes):
        if node.get("type") == "FADER":
            low, high = (arguments(osc, end)[0] for end in ("scaleMin", "scaleMax"))
            (request,) = TABLE.resolve(address, [high])
            arg = request.row.args[0]
            assert request.row.path in partial or (low, high) == (arg.low, arg.high)
