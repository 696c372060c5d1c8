"""What `--output` may say, and what is said when it may not."""

from __future__ import annotations

import pytest

from bridge.audio.sends.send import resolve
from bridge.audio.sends.target import parse_target, routes, split_outputs
from bridge.cli.parser import parse
from bridge.config import Config
from engine.errors import BadValue


def labels(*words: str, decks: int = 4) -> list[tuple[str, int]]:
    """Each send, and its first column in the mix."""
    _, targets = split_outputs(words)
    return [(route.label, route.column) for route in routes(targets, decks, 48_000)]


def test_ports_and_the_loopback_are_understood() -> None:
    assert labels("vban:mix", "reastream:mix", "vban:mix@studio:7000", "REASTREAM:m@[::1]") == [
        ("vban:mix@127.0.0.1:6980", 0),
        ("reastream:mix@127.0.0.1:58710", 0),
        ("vban:mix@studio:7000", 0),
        ("reastream:m@[::1]:58710", 0),
    ]


def test_a_deck_or_every_deck_may_have_a_send_of_its_own() -> None:
    assert labels("deck2=vban:bass@h", "decks=vban:deck@h", decks=3) == [
        ("vban:bass@h:6980", 4),
        ("vban:deck1@h:6980", 2),
        ("vban:deck2@h:6980", 4),
        ("vban:deck3@h:6980", 6),
    ]


def test_sends_leave_the_sound_card_as_it_was() -> None:
    assert split_outputs(["vban:x"])[0] == "default"
    assert split_outputs([])[0] == "default"
    assert split_outputs(["vban:x", "null", "reastream:x"])[0] == "null"


def test_output_may_be_given_again_on_the_command_line() -> None:
    given = parse(["serve", "--output", "jack", "--output", "decks=vban:d@studio"])
    assert given.output == ["jack", "decks=vban:d@studio"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["null", "jack"], "2 sound cards, 'null' and 'jack'"),
        (["vban:x@"], "'' is not HOST or HOST:PORT"),
        (["vban:x@::1"], "an IPv6 address goes in brackets"),
        (["vban:x@h:0"], "port 0 is out of range 1..65535"),
        (["deck1=Scarlett"], r"is not \[deckN=\|decks=\]vban:NAME@HOST"),
        (["decks2=vban:x"], "is not"),
        (["deck0=vban:x"], "decks count from 1"),
        (["deck5=vban:x"], r"deck 5, and there are decks 1\.\.4; --decks"),
        (["vban:"], "1 to 15 printable ASCII characters, for example"),
        (["decks=vban:" + "n" * 15], "nnn1"),
        (["reastream:" + "n" * 32], "1 to 31"),
        (["vban:x", "deck1=vban:x@127.0.0.1:6980"], "twice.*different names"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(words: list[str], says: str) -> None:
    with pytest.raises(BadValue, match=says) as refused:
        labels(*words)
    assert "\n" not in str(refused.value)


def test_a_server_is_not_even_begun_with_what_cannot_be() -> None:
    with pytest.raises(BadValue, match="--decks"):
        Config(sends=(parse_target("deck3=vban:x"),), decks=2)
    with pytest.raises(BadValue, match="VBAN knows no --rate 47000"):
        Config(sends=(parse_target("vban:x"),), rate=47_000)


def test_a_host_that_nobody_knows_is_told_by_name() -> None:
    with pytest.raises(BadValue, match=r"'no-such-host\.invalid' is not known"):
        resolve("no-such-host.invalid", 6980)
    with pytest.raises(BadValue, match="is not known"):
        resolve("x" * 70, 6980)


def test_a_name_with_two_families_of_addresses_leads_to_ipv4() -> None:
    assert resolve("localhost", 6980).peer[:2] == ("127.0.0.1", 6980)
    assert resolve("::1", 6980).peer[:2] == ("::1", 6980)
