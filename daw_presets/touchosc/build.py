"""Writes sideman.tosc from the protocol table. `make docs` runs it.

The ranges of faders are the table's. The screen is laid out for 1024 by 768, and TouchOSC scales
it to any other.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lexml import (
    TOGGLE,
    Colour,
    Frame,
    Node,
    Osc,
    Part,
    button,
    document,
    fader,
    group,
    label,
    packed,
    pager,
)

from bridge.addresses import GRIDS
from bridge.table import Table

OUT = Path(__file__).parent / "sideman.tosc"

WIDTH, HEIGHT, TABS = 1024, 768, 40
DECKS, PADS, SCENES = 4, 16, 8
RECEIVE_PORT = 9000
"""What TouchOSC suggests."""

GREEN, RED, GREY, BLUE, AMBER = (
    (0.18, 0.75, 0.44), (0.9, 0.28, 0.3), (0.4, 0.4, 0.4), (0.29, 0.56, 0.85), (0.95, 0.65, 0.2),
)  # fmt: skip
DECK_COLOURS = (BLUE, GREEN, AMBER, (0.75, 0.4, 0.85))

_TABLE = Table(DECKS)
_RANGES = {"/tempo": (60.0, 180.0), "morph": (0.0, 32.0)}
"""Where the table's range is too wide for a finger."""


def build() -> str:
    """The surface as XML."""
    root = group("sideman", (0, 0, WIDTH, HEIGHT))
    pages = pager("pages", (0, 0, WIDTH, HEIGHT))
    root.children.append(pages)
    for name, fill in (("Play", play_page), ("Decks", decks_page), ("Pads", pads_page)):
        page = group(name.lower(), (0, TABS, WIDTH, HEIGHT - TABS), tab=name)
        fill(page)
        pages.children.append(page)
    return document(root)


# --- controls -----------------------------------------------------------------------------------


def press(
    page: Node, text: str, frame: Frame, colour: Colour, address: str, *constants: Part
) -> None:
    """A button that sends its message when it is pressed, and nothing when it is let go."""
    name = f"{address} {' '.join(part.value for part in constants)}".strip()
    osc = Osc(address, constants, condition="RISE")
    page.children += [button(name, frame, colour, osc), label(f"{name} text", frame, text)]


def switch(page: Node, text: str, frame: Frame, colour: Colour, address: str) -> None:
    """A button that stays down, and shows what others set."""
    osc = Osc(address, (Part("VALUE", "INTEGER", "x"),), receives=True)
    page.children += [
        button(address, frame, colour, osc, TOGGLE),
        label(f"{address} text", frame, text),
    ]


def slide(page: Node, frame: Frame, colour: Colour, address: str, *, across: bool = False) -> None:
    """A fader over the table's range, which shows what others set."""
    row = _TABLE.row(address)
    assert row is not None
    (arg,) = row.args
    assert arg.low is not None
    assert arg.high is not None
    low, high = _RANGES.get(address) or _RANGES.get(address.split("/")[-1]) or (arg.low, arg.high)
    part = Part("VALUE", "INTEGER" if arg.kind == "int" else "FLOAT", "x", low, high)
    page.children.append(
        fader(address, frame, colour, Osc(address, (part,), receives=True), horizontal=across)
    )


def show(page: Node, frame: Frame, address: str, text: str = "", size: int = 14) -> None:
    page.children.append(label(f"{address} shown", frame, text, address, size))


def note(page: Node, frame: Frame, text: str) -> None:
    page.children.append(label(f"note {text} {frame[0]}", frame, text))


def whole(number: int) -> Part:
    return Part("CONSTANT", "INTEGER", str(number))


# --- pages --------------------------------------------------------------------------------------


def play_page(page: Node) -> None:
    for i, (text, colour, address) in enumerate((
        ("play", GREEN, "/play"), ("stop", RED, "/stop"), ("continue", GREEN, "/continue"),
        ("tap", GREY, "/tempo/tap"), ("4 bars", BLUE, "/master/capture"),
    )):  # fmt: skip
        constants = (whole(4),) if address.endswith("capture") else ()
        press(page, text, (8 + 104 * i, 8, 96, 64), colour, address, *constants)
    switch(page, "record", (528, 8, 96, 64), RED, "/record")
    show(page, (632, 8, 120, 64), "/beat/str", "1.1", 28)
    press(page, "connect", (816, 8, 96, 64), GREY, "/subscribe", whole(RECEIVE_PORT))
    press(page, "PANIC", (920, 8, 96, 64), RED, "/panic")
    note(page, (8, 80, 80, 48), "tempo")
    slide(page, (96, 80, 424, 48), GREY, "/tempo", across=True)
    show(page, (528, 80, 96, 48), "/tempo", "120", 20)
    note(page, (632, 80, 64, 48), "clock")
    show(page, (704, 80, 104, 48), "/clock", "")
    show(page, (816, 80, 200, 48), "/clock/state", "")
    for i, grid in enumerate(GRIDS):
        frame = (8 + 104 * i, 136, 96, 40)
        press(page, grid, frame, GREY, "/grid", Part("CONSTANT", "STRING", grid))
    show(page, (632, 136, 120, 40), "/grid", "bar")
    columns(page, play_deck)
    show(page, (8, 692, 1008, 32), "/error", "")


def play_deck(page: Node, x: int, deck: int, colour: Colour) -> None:
    path = f"/deck/{deck}"
    note(page, (x, 188, 96, 28), f"deck {deck}")
    show(page, (x + 104, 188, 136, 28), f"{path}/state", "stopped")
    show(page, (x, 220, 240, 44), f"{path}/prompt", "")
    press(page, "play", (x, 272, 116, 72), colour, f"{path}/play")
    press(page, "stop", (x + 124, 272, 116, 72), RED, f"{path}/stop")
    switch(page, "mute", (x, 352, 116, 56), AMBER, f"{path}/mute")
    switch(page, "solo", (x + 124, 352, 116, 56), BLUE, f"{path}/solo")
    slide(page, (x, 416, 240, 268), colour, f"{path}/level")


def decks_page(page: Node) -> None:
    columns(page, knobs)


def knobs(page: Node, x: int, deck: int, colour: Colour) -> None:
    path = f"/deck/{deck}"
    note(page, (x, 8, 96, 28), f"deck {deck}")
    show(page, (x + 104, 8, 136, 28), f"{path}/lock", "none")
    for i, word in enumerate(("temperature", "guidance", "top_k", "morph")):
        note(page, (x, 44 + 92 * i, 150, 24), word)
        show(page, (x + 158, 44 + 92 * i, 82, 24), f"{path}/{word}", "")
        slide(page, (x, 72 + 92 * i, 240, 56), colour, f"{path}/{word}", across=True)
    press(page, "hold", (x, 424, 116, 72), colour, f"{path}/hold")
    press(page, "reset", (x + 124, 424, 116, 72), GREY, f"{path}/reset")
    for i, bars in enumerate((2, 4, 8)):
        frame = (x + 82 * i, 504, 76, 72)
        press(page, f"{bars} bars", frame, BLUE, f"{path}/capture", whole(bars))
    switch(page, "warp", (x, 584, 240, 56), AMBER, f"{path}/warp")


def pads_page(page: Node) -> None:
    columns(page, pads)
    for scene in range(1, SCENES + 1):
        x = 8 + 127 * (scene - 1)
        press(page, f"scene {scene}", (x, 560, 119, 88), GREEN, f"/scene/{scene}/launch")
        press(page, f"store {scene}", (x, 656, 119, 40), GREY, f"/scene/{scene}/store")


def pads(page: Node, x: int, deck: int, colour: Colour) -> None:
    note(page, (x, 8, 240, 28), f"slots to deck {deck}")
    for slot in range(1, PADS + 1):
        row, column = divmod(slot - 1, 4)
        frame = (x + 61 * column, 44 + 126 * row, 57, 118)
        press(page, str(slot), frame, colour, f"/slot/{slot}/launch", whole(deck))


def columns(page: Node, fill: Callable[[Node, int, int, Colour], None]) -> None:
    for deck, colour in enumerate(DECK_COLOURS, 1):
        fill(page, 8 + 256 * (deck - 1), deck, colour)


if __name__ == "__main__":
    OUT.write_bytes(packed(build()))
