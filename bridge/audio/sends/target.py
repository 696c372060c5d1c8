"""Where audio is to go by UDP: `[deckN=|decks=]vban:NAME@HOST[:PORT]`, or `reastream:`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bridge.addresses import MAX_DECKS
from bridge.audio.sends import reastream, vban
from bridge.audio.sends.encoder import Encoder
from engine.errors import BadValue

MASTER = 0
EACH_DECK = -1
LOOPBACK = "127.0.0.1"

_FORM = "[deckN=|decks=]vban:NAME@HOST[:PORT], or reastream: in place of vban:"
_SEND = re.compile(r"deck\w*=|vban:|reastream:", re.I)
_TARGET = re.compile(r"(?:deck(?P<deck>\d+|s)=)?(?P<protocol>vban|reastream):(?P<rest>.*)", re.I)
_HOST = re.compile(r"(?:\[(?P<ipv6>[^\[\]]+)\]|(?P<host>[^:\[\]]+))(?::(?P<port>\d+))?")
_PORTS = {"vban": vban.PORT, "reastream": reastream.PORT}
_ENCODERS: dict[str, Callable[[str, int], Encoder]] = {
    "vban": vban.VbanEncoder,
    "reastream": reastream.ReaStreamEncoder,
}


@dataclass(frozen=True, slots=True)
class Target:
    """One `--output` that is no sound card."""

    protocol: str
    """`vban` or `reastream`."""
    name: str
    host: str = LOOPBACK
    port: int = 0
    source: int = MASTER
    """MASTER, the number of a deck, or EACH_DECK: a send for each, named NAME1, NAME2..."""


@dataclass(frozen=True, slots=True)
class Route:
    """One send: what goes where, and how."""

    label: str
    """For people."""
    encoder: Encoder
    host: str
    port: int
    column: int
    """Of the left channel in the mix `[samples, 2 + 2 * decks]`."""


def split_outputs(words: Iterable[str]) -> tuple[str, tuple[Target, ...]]:
    """The sound card that the words of all `--output` name, and the targets. Raises BadValue."""
    cards = [word for word in words if not _SEND.match(word)]
    if len(cards) > 1:
        raise BadValue(
            f"--output names {len(cards)} sound cards, {cards[0]!r} and {cards[1]!r}: one of them,"
            " please; beside it, audio goes to other programs with vban: and reastream:"
        )
    return cards[0] if cards else "default", tuple(
        parse_target(word) for word in words if _SEND.match(word)
    )


def parse_target(text: str) -> Target:
    """Raises BadValue with the form that is expected."""
    found = _TARGET.fullmatch(text)
    if found is None:
        raise BadValue(f"--output {text!r} is not {_FORM}")
    protocol = found["protocol"].lower()
    name, at, where = found["rest"].rpartition("@")
    if not at:
        name, where = where, LOOPBACK
    place = _HOST.fullmatch(where)
    if place is None:
        raise BadValue(
            f"--output {text!r}: {where!r} is not HOST or HOST:PORT, for example 192.168.1.20;"
            " an IPv6 address goes in brackets, [::1]:6980"
        )
    port = int(place["port"] or _PORTS[protocol])
    if not 1 <= port <= 65535:
        raise BadValue(f"--output {text!r}: port {port} is out of range 1..65535")
    deck = found["deck"] or "0"
    source = EACH_DECK if deck.lower() == "s" else int(deck)
    if found["deck"] and source == MASTER:
        raise BadValue(f"--output {text!r}: decks count from 1; without deckN= it is the master")
    return Target(protocol, name, place["ipv6"] or place["host"], port, source)


def routes(targets: Iterable[Target], decks: int, rate: int) -> tuple[Route, ...]:
    """The sends that `targets` ask for. Raises BadValue if one cannot be with these decks and
    this rate, or if a receiver could not tell two of them apart."""
    found: list[Route] = []
    for target in targets:
        if target.source > decks:
            raise BadValue(
                f"--output for deck {target.source}, and there are decks 1..{decks};"
                f" --decks has them up to {MAX_DECKS}"
            )
        each = target.source == EACH_DECK
        sources = range(1, decks + 1) if each else (target.source,)
        for source in sources:
            name = f"{target.name}{source}" if each and target.name else target.name
            found.append(_route(target, name, source, rate))
    _check_distinct(found)
    return tuple(found)


def _route(target: Target, name: str, source: int, rate: int) -> Route:
    host = f"[{target.host}]" if ":" in target.host else target.host
    label = f"{target.protocol}:{name}@{host}:{target.port}"
    encoder = _ENCODERS[target.protocol](name, rate)
    return Route(label, encoder, target.host, target.port, 2 * source)


def _check_distinct(found: Iterable[Route]) -> None:
    labels = set()
    for route in found:
        if route.label in labels:
            raise BadValue(
                f"--output has {route.label} twice: the receiver could not tell one from the"
                " other; give them different names"
            )
        labels.add(route.label)
