"""What rules make of messages."""

from __future__ import annotations

from bridge.dialects.load import parse_dialect
from bridge.dialects.rules import Rules
from bridge.row import Value
from bridge.table import Table

DIALECT = parse_dialect(r"""
name = "Host"
listen = 0
[[in]]
address = "/mute/{n}"
takes = ["on", "who"]
when = { who = "me" }
to = "/deck/{n}/mute"
args = ["{on}"]
[[in]]
address = "/fader{n}"
takes = ["x"]
scale = { n = [0, 7, 1, 8], x = [0, 127, 0.0, 1.0] }
to = "/deck/{n}/level"
args = ["{x}"]
[[in]]
address = "/name/{n}"
takes = ["name"]
when = { name = 'regex/(?!Track \d+$).+' }
to = "/deck/{n}/prompt"
args = ["{name}", 1]
[[in]]
address = "/top"
takes = ["x"]
when = { x = [0.0, 1.0] }
scale = { x = [0.0, 1.0, 250, 1] }
to = "/deck/1/temperature"
args = [0.5]
[[in]]
address = "/pick"
takes = ["x"]
scale = { x = [0, 10, 1, 101] }
to = "/deck/1/top_k"
args = ["{x}"]
[[in]]
address = "/junk/*"
[[in]]
address = "/go"
takes = ["deck"]
to = "/deck/{deck}/play"
""")
RULES = Rules(DIALECT.heard, frozenset(Table(4)).__contains__)


def meant(address: str, *args: Value) -> object:
    """The message in our words, "ignored", or None where no rule fits."""
    found = RULES.translate(address, args)
    if found is None:
        return None
    message = found[1]
    return "ignored" if message is None else (message.address, *message.args)


def test_numbers_in_addresses_and_arguments_by_name() -> None:
    assert meant("/mute/2", 1, "me", "and more") == ("/deck/2/mute", 1)
    assert meant("/go", 3.0) == ("/deck/3/play",)


def test_a_rule_fits_only_if_all_it_says_holds() -> None:
    assert meant("/mute/2", 1, "you") is None
    assert meant("/mute/2", 1) is None
    assert meant("/mute/two", 1, "me") is None
    assert meant("/mute/2/x", 1, "me") is None
    assert meant("/top", 1.5) is None
    assert meant("/top", "1") is None


def test_scales_are_straight_lines_and_end_where_they_say() -> None:
    assert meant("/fader0", 127) == ("/deck/1/level", 1.0)
    assert meant("/fader3", 63.5) == ("/deck/4/level", 0.5)
    assert meant("/fader1", -20) == ("/deck/2/level", 0.0)
    assert meant("/pick", 3.4) == ("/deck/1/top_k", 35)


def test_a_deck_that_this_server_lacks_is_not_meant() -> None:
    assert meant("/fader4", 0) is None
    assert meant("/go", 5) is None
    assert meant("/go", "x/../..") is None


def test_a_string_is_matched_as_a_whole() -> None:
    assert meant("/name/1", "dub") == ("/deck/1/prompt", "dub", 1)
    assert meant("/name/1", "Track 1 of dub") == ("/deck/1/prompt", "Track 1 of dub", 1)
    assert meant("/name/1", "Track 1") is None
    assert meant("/name/1", "") is None
    assert meant("/name/1", 7) is None


def test_the_rest_of_a_branch_is_ignored() -> None:
    assert meant("/junk/1/x", b"any", None) == "ignored"
    assert meant("/junk") is None


def test_addresses_without_end_do_not_fill_the_memory() -> None:
    for count in range(10_000):
        assert meant(f"/junk/{count}") == "ignored"
    assert len(RULES._found) <= 4096
