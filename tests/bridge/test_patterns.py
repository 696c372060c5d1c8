from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.patterns import MAX_PATTERN, is_pattern, matches
from bridge.table import Table
from engine.errors import BadValue


@pytest.mark.parametrize(
    ("pattern", "address", "fits"),
    [
        ("/deck/1/gain", "/deck/1/gain", True),
        ("/deck/1/gain", "/deck/1/gains", False),
        ("/deck/?/gain", "/deck/1/gain", True),
        ("/slot/?/prompt", "/slot/12/prompt", False),
        ("/slot/??/prompt", "/slot/12/prompt", True),
        ("/deck/*/gain", "/deck/1/gain", True),
        ("/*", "/deck/1/gain", False),
        ("/*/*/*", "/deck/1/gain", True),
        ("/*/gain", "/deck/1/gain", False),
        ("/deck/1/*", "/deck/1/gain", True),
        ("/deck/1/*a*n", "/deck/1/gain", True),
        ("/deck/1/g*x", "/deck/1/gain", False),
        ("/deck/[12]/gain", "/deck/2/gain", True),
        ("/deck/[12]/gain", "/deck/3/gain", False),
        ("/deck/[1-3]/gain", "/deck/3/gain", True),
        ("/deck/[3-1]/gain", "/deck/2/gain", False),
        ("/deck/[!1-3]/gain", "/deck/4/gain", True),
        ("/deck/[!1-3]/gain", "/deck/2/gain", False),
        ("/a[-x]b", "/a-b", True),
        ("/a[x-]b", "/a-b", True),
        ("/a[a!]b", "/a!b", True),
        ("/deck[/]1/gain", "/deck/1/gain", False),
        ("/deck[!a]1/gain", "/deck/1/gain", False),
        ("/deck/{1,3}/mute", "/deck/3/mute", True),
        ("/deck/{1,3}/mute", "/deck/2/mute", False),
        ("/{deck,slot}/1/prompt", "/slot/1/prompt", True),
        ("/slot/{1,12}/prompt", "/slot/12/prompt", True),
        ("/te{,mpo}", "/tempo", True),
        ("/{deck/1}/mute", "/deck/1/mute", False),
        ("//stop", "/stop", True),
        ("//stop", "/deck/1/stop", True),
        ("//stop", "/deck/1/stopped", False),
        ("/deck//gain", "/deck/1/gain", True),
        ("/deck//gain", "/slot/1/gain", False),
        ("//deck//gain", "/deck/1/gain", True),
        ("//1/*", "/deck/1/gain", True),
        ("///gain", "/deck/1/gain", True),
        ("//", "/deck/1/gain", False),
        ("/deck//", "/deck/1/gain", False),
        ("deck/*/gain", "/deck/1/gain", False),
        ("/deck/[1/gain", "/deck/1/gain", False),
        ("/deck/1]/gain", "/deck/1/gain", False),
        ("/deck/{1/gain", "/deck/1/gain", False),
        ("/deck/{[1]}/gain", "/deck/1/gain", False),
        ("/deck/[]/gain", "/deck/1/gain", False),
        ("/deck/1/g.in", "/deck/1/gain", False),
        ("", "", False),
    ],
)
def test_osc_patterns(pattern: str, address: str, fits: bool) -> None:
    assert matches(pattern, address) is fits


def test_what_is_a_pattern() -> None:
    assert all(map(is_pattern, ("/*", "/a?", "/[a]", "/{a}", "//a", "/a]", "/a}")))
    assert not any(map(is_pattern, ("/a", "/deck/1/gain", "/a-b!c,d")))


# What the pattern language means, in a second way: as regular expressions, of pieces too few to
# make one backtrack.
PIECES = {
    "a": "a", "b": "b", "/": "/", "?": "[^/]", "*": "[^/]*", "[ab]": "[ab]", "[!a]": "[^/a]",
    "[a-b]": "[a-b]", "{a,bc}": "(?:a|bc)", "{,ab}": "(?:|ab)",
}  # fmt: skip


@given(
    st.lists(st.sampled_from(sorted(PIECES)), max_size=6),
    st.text("abc/", max_size=8),
)
def test_the_same_as_a_regular_expression(pieces: list[str], rest: str) -> None:
    pattern, address = "/" + "".join(pieces), "/" + rest
    if "//" in pattern or pattern.endswith("/") or "//" in address or address.endswith("/"):
        return
    expression = "/" + "".join(PIECES[piece] for piece in pieces)
    assert matches(pattern, address) is (re.fullmatch(expression, address) is not None)


@given(st.text("ab1*?[]{},!-/", max_size=60))
def test_any_pattern_is_answered(pattern: str) -> None:
    matches("/" + pattern, "/deck/1/gain")


@pytest.mark.parametrize(
    "pattern",
    [
        "/" + "*" * 255,
        "/" + "*a" * 127,
        "/" + "?*" * 127,
        "/" + "{,,,,,,,,}" * 25,
        "/slot/1/" + "".join(f"{{{','.join([char] * 8)}}}" for char in "prompt") + "x",
        "/deck/1/" + "".join(f"{{{','.join([char] * 9)}}}" for char in "temperature") + "x",
        "//" * 100 + "gain",
        "//*" * 80 + "/x",
        "/" + "[a-z]" * 50,
        "/{" + "," * 250 + "}",
        "/*{t,te,tem,temp,e,em,emp,m,mp,p}" * 7,
        "/" + "[" * 255,
        "/" + "{" * 255,
    ],
)
def test_hostile_patterns_cost_little(pattern: str) -> None:
    """Each of these made, or could make, a backtracking matcher work for ages."""
    pattern = pattern[:MAX_PATTERN]
    table = Table(8)
    fitting = [path for path in table if matches(pattern, path)]
    assert all(path.count("/") == 1 for path in fitting if "//" not in pattern)
    with contextlib.suppress(BadValue):
        table.resolve(pattern, (1.0,))


def test_a_pattern_too_long_fits_nothing() -> None:
    assert matches("/" + "*" * (MAX_PATTERN - 1), "/tempo")
    assert not matches("/" + "*" * MAX_PATTERN, "/tempo")
