"""Writes sideman.maxpat, Max's own text form of a patch. `make docs` runs it.

Every box has two places: where it lies in the patch, and, if it is to be seen in the device, where
it lies there (a device in Live is 169 pixels high).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

OUT = Path(__file__).parent / "sideman.maxpat"

OUR_PORT = 9745
DECKS = 4
SLOTS = 8
SCENES = 4

# Inlets and outlets of the objects that are used, as Max 8 writes them.
SHAPES = {
    "*": (2, 1), "/": (2, 1), "append": (1, 1), "change": (1, 3), "f": (2, 1),
    "live.thisdevice": (1, 3), "metro": (2, 1), "prepend": (1, 1), "sel": (1, 3), "t": (1, 2),
    "transport": (2, 9), "udpreceive": (1, 1), "udpsend": (1, 0),
}  # fmt: skip
CLASSES = {
    "live.text": (1, 2), "message": (2, 1), "slider": (1, 1), "textedit": (1, 4), "toggle": (1, 1),
}  # fmt: skip

Place = tuple[int, int, int, int]
"""x, y, width, height."""


@dataclass
class Patch:
    boxes: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)

    def box(self, maxclass: str, shape: tuple[int, int], seen: Place | None, **more: Any) -> str:
        number = len(self.boxes)
        name = f"obj-{number + 1}"
        column, row = divmod(number, 30)
        at = [20.0 + 230 * column, 20.0 + 30 * row, 200.0, 22.0]
        box = {"id": name, "maxclass": maxclass, "numinlets": shape[0], "numoutlets": shape[1]}
        box |= {"patching_rect": at, **more}
        if shape[1]:
            box["outlettype"] = [""] * shape[1]
        if seen:
            box |= {"presentation": 1, "presentation_rect": [float(n) for n in seen]}
        self.boxes.append({"box": box})
        return name

    def object(self, text: str, shape: tuple[int, int] | None = None) -> str:
        return self.box("newobj", shape or SHAPES[text.split()[0]], None, text=text)

    def message(self, text: str, seen: Place | None = None) -> str:
        return self.box("message", CLASSES["message"], seen, text=text)

    def comment(self, text: str, seen: Place) -> None:
        self.box("comment", (1, 0), seen, text=text)

    def control(self, maxclass: str, seen: Place, **more: Any) -> str:
        return self.box(maxclass, CLASSES[maxclass], seen, parameter_enable=0, **more)

    def button(self, label: str, command: str, seen: Place, out: str) -> None:
        """A button that can be mapped to keys and MIDI in Live, and what it sends."""
        parameter = {
            "parameter_enum": ["off", "on"],
            "parameter_longname": command,
            "parameter_mmax": 1,
            "parameter_shortname": label,
            "parameter_type": 2,
        }
        button = self.box(
            "live.text", CLASSES["live.text"], seen, mode=0, text=label, parameter_enable=1,
            varname=command, saved_attribute_attributes={"valueof": parameter},
        )  # fmt: skip
        self.chain(button, self.message(command), out)

    def chain(self, *names: str, outlet: int = 0) -> None:
        """Connect each with the next; `outlet` is the first one's."""
        for source, target in pairwise(names):
            self.connect(source, outlet, target)
            outlet = 0

    def connect(self, source: str, outlet: int, target: str, inlet: int = 0) -> None:
        line = {"source": [source, outlet], "destination": [target, inlet]}
        self.lines.append({"patchline": line})

    def text(self) -> str:
        version = {"major": 8, "minor": 5, "revision": 0, "architecture": "x64", "modernui": 1}
        patcher = {
            "fileversion": 1,
            "appversion": version,
            "classnamespace": "box",
            "rect": [60.0, 100.0, 1000.0, 700.0],
            "openinpresentation": 1,
            "devicewidth": 910.0,
            "boxes": self.boxes,
            "lines": self.lines,
        }
        return json.dumps({"patcher": patcher}, indent=1) + "\n"


def build() -> str:
    """The patch as text."""
    patch = Patch()
    out = patch.object("udpsend 127.0.0.1 9740")
    device = patch.object("live.thisdevice")
    follow_live(patch, device, out)
    shown = {"/beat/str": (10, 24, 140, 20), "/clip/done": (10, 118, 140, 20)}
    shown["/error"] = (10, 142, 140, 20)
    heard: list[tuple[str, tuple[str, ...]]] = [
        (address, (patch.object("prepend set"), patch.message("", seen)))
        for address, seen in shown.items()
    ]
    for deck in range(1, DECKS + 1):
        heard += add_deck(patch, deck, out)
    listen(patch, device, out, heard)
    add_launches(patch, out)
    add_clip(patch, out)
    return patch.text()


def follow_live(patch: Patch, device: str, out: str) -> None:
    """Live's tempo, start, stop and place to sideman. A `transport` without a name is Live's."""
    patch.comment("sideman", (10, 2, 80, 20))
    metro = patch.object("metro 50")
    transport = patch.object("transport")
    patch.chain(device, patch.message("1"), metro, transport)
    patch.chain(transport, patch.object("change 0."), patch.object("prepend /tempo"), out, outlet=4)
    # Max sends from right to left: the place (in ticks, 480 a beat) is known before the start is.
    ticks = patch.object("f")
    patch.connect(transport, 7, ticks, 1)
    started = patch.object("sel 1 0")
    patch.chain(transport, patch.object("change 0"), started, outlet=6)
    first_place = patch.object("t b b")
    patch.connect(started, 0, first_place)
    patch.chain(first_place, patch.message("/play"), out)
    patch.connect(first_place, 1, ticks)
    patch.chain(ticks, patch.object("/ 480."), patch.object("prepend /position"), out)
    patch.chain(started, patch.message("/stop"), out, outlet=1)


def add_deck(patch: Patch, deck: int, out: str) -> list[tuple[str, tuple[str, ...]]]:
    """A deck's controls; returns what shows its state: an address, and a chain of boxes."""
    x, path = 160 + 150 * (deck - 1), f"/deck/{deck}"
    prompt = patch.control("textedit", (x, 24, 140, 40), keymode=1, outputmode=1, text="")
    patch.chain(
        prompt, patch.object("route text", (2, 2)), patch.object(f"prepend {path}/prompt"), out
    )
    for column, word in enumerate(("play", "stop", "hold")):
        patch.button(word, f"{path}/{word}", (x + 48 * column, 68, 44, 18), out)
    mute = patch.control("toggle", (x, 92, 20, 20))
    patch.chain(mute, patch.object(f"prepend {path}/mute"), out)
    patch.comment("mute", (x + 22, 92, 40, 20))
    patch.button("4 bars", f"{path}/capture 4", (x + 96, 92, 44, 18), out)
    level = patch.control("slider", (x, 116, 140, 18), size=128, orientation=1)
    patch.chain(level, patch.object("/ 127."), patch.object(f"prepend {path}/level"), out)
    state = patch.message("", (x, 138, 140, 20))
    patch.comment(f"deck {deck}", (x, 2, 60, 20))
    # `set` shows a value and sends nothing, so nothing comes back to sideman.
    return [
        (f"{path}/state", (patch.object("prepend set"), state)),
        (f"{path}/prompt", (patch.object("prepend set"), prompt)),
        (f"{path}/mute", (patch.object("prepend set"), mute)),
        (f"{path}/level", (patch.object("* 127."), patch.object("prepend set"), level)),
    ]


def listen(patch: Patch, device: str, out: str, heard: list[tuple[str, tuple[str, ...]]]) -> None:
    """What sideman says. It is asked again every five seconds, as it may have been started anew."""
    words = " ".join(address for address, _ in heard)
    route = patch.object(f"route {words}", (len(heard) + 1, len(heard) + 1))
    patch.chain(patch.object(f"udpreceive {OUR_PORT}"), route)
    for outlet, (_, chain) in enumerate(heard):
        patch.chain(route, *chain, outlet=outlet)
    again = patch.object("metro 5000")
    patch.chain(device, patch.message("1"), again, patch.message(f"/subscribe {OUR_PORT}"), out)


def add_launches(patch: Patch, out: str) -> None:
    """Pads for slots, on deck 1, and scenes below them."""
    for slot in range(1, SLOTS + 1):
        row, column = divmod(slot - 1, 4)
        place = (10 + 36 * column, 48 + 22 * row, 32, 18)
        patch.button(str(slot), f"/slot/{slot}/launch", place, out)
    for scene in range(1, SCENES + 1):
        place = (10 + 36 * (scene - 1), 94, 32, 18)
        patch.button(f"S{scene}", f"/scene/{scene}/launch", place, out)
    patch.button("panic", "/panic", (100, 2, 50, 18), out)


def add_clip(patch: Patch, out: str) -> None:
    """A prompt, rendered as a loop of four bars."""
    prompt = patch.control("textedit", (760, 24, 140, 40), keymode=1, outputmode=1, text="")
    chain = ("prepend /clip/render", "append 4")
    patch.chain(prompt, patch.object("route text", (2, 2)), *map(patch.object, chain), out)
    patch.comment("clip of 4 bars", (760, 2, 120, 20))


if __name__ == "__main__":
    OUT.write_text(build(), encoding="utf-8")
