"""TouchOSC's file format: zlib over an XML tree of nodes, as version 1.1 of the program writes it.

A node has properties, values, messages and children, in this order. All that the program itself
writes for a kind of control is written here, so that nothing is left to how it takes an absence.
"""

from __future__ import annotations

import uuid
import zlib
from dataclasses import dataclass, field

Frame = tuple[int, int, int, int]
"""x, y, width, height, within the parent."""
Colour = tuple[float, float, float]

_NAMESPACE = uuid.UUID("5d1c1a52-6f0f-4d6c-8f0e-0f3a4c3b7d10")
_BLACK = (0.0, 0.0, 0.0)
_GREY = (0.25, 0.25, 0.25)
_WHITE = (1.0, 1.0, 1.0)

MOMENTARY, TOGGLE = 0, 2
_RELATIVE = 1
"""How a fader takes a touch: it moves with the finger and does not jump to it."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a message's path or arguments."""

    type: str
    """CONSTANT, or VALUE: a value of the control."""
    conversion: str
    """INTEGER, FLOAT or STRING."""
    value: str
    """The constant, or the value's name."""
    low: float = 0
    high: float = 1


@dataclass(frozen=True, slots=True)
class Osc:
    """A message that a control sends, shows, or both."""

    address: str
    arguments: tuple[Part, ...] = ()
    sends: bool = True
    receives: bool = False
    value: str = "x"
    """Whose change sends it."""
    condition: str = "ANY"
    """RISE: only when it goes up, so a button sends nothing when it is let go."""


@dataclass
class Node:
    type: str
    name: str
    frame: Frame
    properties: dict[str, tuple[str, object]]
    """Key to the type's letter and the value."""
    values: dict[str, str]
    messages: list[Osc] = field(default_factory=list)
    children: list[Node] = field(default_factory=list)


def _common(
    frame: Frame, name: str, colour: Colour, **more: object
) -> dict[str, tuple[str, object]]:
    """What every kind of control has."""
    return {
        "background": ("b", 1),
        "color": ("c", colour),
        "cornerRadius": ("f", 1),
        "frame": ("r", frame),
        "grabFocus": ("b", more.get("focus", 1)),
        "interactive": ("b", more.get("interactive", 1)),
        "locked": ("b", 0),
        "name": ("s", name),
        "orientation": ("i", more.get("orientation", 0)),
        "outline": ("b", 1),
        "outlineStyle": ("i", more.get("outline_style", 1)),
        "pointerPriority": ("i", 0),
        "shape": ("i", 1),
        "visible": ("b", 1),
    }


def group(name: str, frame: Frame, *, tab: str = "") -> Node:
    """A container; with `tab` a page of a pager."""
    properties = _common(frame, name, _BLACK, focus=0, interactive=0, outline_style=0)
    if tab:
        properties |= {
            "tabColorOff": ("c", _GREY), "tabColorOn": ("c", _BLACK), "tabLabel": ("s", tab),
            "textColorOff": ("c", _WHITE), "textColorOn": ("c", _WHITE),
        }  # fmt: skip
    return Node("GROUP", name, frame, properties, {"touch": "false"})


def pager(name: str, frame: Frame) -> Node:
    properties = _common(frame, name, _GREY, focus=0, outline_style=0) | {
        "tabLabels": ("b", 1), "tabbar": ("b", 1), "tabbarDoubleTap": ("b", 0),
        "tabbarSize": ("i", 40), "textSizeOff": ("i", 14), "textSizeOn": ("i", 14),
    }  # fmt: skip
    return Node("PAGER", name, frame, properties, {"page": "0", "touch": "false"})


def button(name: str, frame: Frame, colour: Colour, message: Osc, kind: int = MOMENTARY) -> Node:
    properties = _common(frame, name, colour) | {
        "buttonType": ("i", kind), "press": ("b", 1), "release": ("b", 1),
        "valuePosition": ("b", 0),
    }  # fmt: skip
    return Node("BUTTON", name, frame, properties, {"touch": "false", "x": "0"}, [message])


def fader(name: str, frame: Frame, colour: Colour, message: Osc, *, horizontal: bool) -> Node:
    properties = _common(frame, name, colour, orientation=1 if horizontal else 0) | {
        "bar": ("b", 1), "barDisplay": ("i", 0), "cursor": ("b", 1), "cursorDisplay": ("i", 0),
        "grid": ("b", 0), "gridSteps": ("i", 10), "response": ("i", _RELATIVE),
        "responseFactor": ("i", 100),
    }  # fmt: skip
    return Node("FADER", name, frame, properties, {"touch": "false", "x": "0"}, [message])


def label(name: str, frame: Frame, text: str, shows: str = "", size: int = 14) -> Node:
    """Text, and with `shows` the first argument of what comes to that address. A touch goes
    through it, to a button that it names."""
    properties = _common(frame, name, _BLACK, interactive=0, focus=0) | {
        "font": ("i", 0), "textAlignH": ("i", 2), "textAlignV": ("i", 2), "textClip": ("b", 1),
        "textColor": ("c", _WHITE), "textLength": ("i", 0), "textSize": ("i", size),
    }  # fmt: skip
    properties["background"] = properties["outline"] = ("b", 0)
    shown = Osc(shows, (Part("VALUE", "STRING", "text"),), False, True, "text")
    messages = [shown] if shows else []
    return Node("LABEL", name, frame, properties, {"text": text, "touch": "false"}, messages)


def packed(xml: str) -> bytes:
    """The file that TouchOSC opens."""
    return zlib.compress(xml.encode("utf-8"), 9)


def document(root: Node) -> str:
    """The whole tree as XML."""
    return f"<?xml version='1.0' encoding='UTF-8'?>\n<lexml version='3'>{_node(root, '')}</lexml>\n"


def _node(node: Node, path: str) -> str:
    path = f"{path}/{node.name}"
    name = uuid.uuid5(_NAMESPACE, path)  # the same in every build
    children = "".join(_node(child, path) for child in node.children)
    return (
        f"<node ID='{name}' type='{node.type}'>"
        f"<properties>{_properties(node)}</properties><values>{_values(node)}</values>"
        + (f"<messages>{''.join(map(_osc, node.messages))}</messages>" if node.messages else "")
        + (f"<children>{children}</children>" if children else "")
        + "</node>\n"
    )


def _properties(node: Node) -> str:
    rows = sorted(node.properties.items())
    return "".join(
        f"<property type='{letter}'><key>{_text(key)}</key><value>{_value(letter, value)}</value>"
        "</property>"
        for key, (letter, value) in rows
    )


def _value(letter: str, value: object) -> str:
    if letter == "s":
        return _text(str(value))
    if isinstance(value, tuple):
        names, parts = ("xywh", value) if letter == "r" else ("rgba", (*value, 1.0))
        return "".join(f"<{n}>{part:g}</{n}>" for n, part in zip(names, parts, strict=True))
    return str(value)


def _values(node: Node) -> str:
    return "".join(
        f"<value><key>{_text(key)}</key><locked>0</locked>"
        f"<lockedDefaultCurrent>{int(key == 'text')}</lockedDefaultCurrent>"
        f"<default>{_text(default)}</default><defaultPull>0</defaultPull></value>"
        for key, default in sorted(node.values.items())
    )


def _osc(osc: Osc) -> str:
    path = (Part("CONSTANT", "STRING", osc.address),)
    return (
        f"<osc><enabled>1</enabled><send>{int(osc.sends)}</send>"
        f"<receive>{int(osc.receives)}</receive><feedback>0</feedback>"
        "<connections>11111</connections>"
        f"<triggers><trigger><var>{_text(osc.value)}</var><condition>{osc.condition}</condition>"
        "</trigger></triggers>"
        f"<path>{''.join(map(_part, path))}</path>"
        f"<arguments>{''.join(map(_part, osc.arguments))}</arguments></osc>"
    )


def _part(part: Part) -> str:
    return (
        f"<partial><type>{part.type}</type><conversion>{part.conversion}</conversion>"
        f"<value>{_text(part.value)}</value><scaleMin>{part.low:g}</scaleMin>"
        f"<scaleMax>{part.high:g}</scaleMax></partial>"
    )


def _text(text: str) -> str:
    return f"<![CDATA[{text}]]>"
