"""The commands that the pages of hosts and surfaces show: each is one that sideman takes.

For Logic, FL Studio and Cubase there is nothing else to check: nothing is installed there.
"""

from __future__ import annotations

import re
import shlex

import pytest

from bridge.cli.parser import parse
from bridge.cli.send import value_of
from bridge.presets import presets_folder
from bridge.table import Table

PAGES = (
    "ableton-live", "bitwig", "cubase", "fl-studio", "logic", "max-for-live", "touchosc",
)  # fmt: skip
TABLE = Table(decks=4)


def commands(page: str) -> list[list[str]]:
    """Every `sideman ...` in a README, as words."""
    text = (presets_folder() / page / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"`sideman\s([^`]+)`|^ {4}sideman (.+)$", text, re.MULTILINE)
    words = [shlex.split(inline or block) for inline, block in shown]
    return [line for line in words if line[0].isalpha()]  # `sideman 5` is the name of a clip


@pytest.mark.parametrize("page", PAGES)
def test_commands_are_taken(page: str) -> None:
    shown = commands(page)
    assert any(words[0] == "serve" for words in shown)
    for words in shown:
        arguments = parse(words)
        if words[0] == "send" and len(words) > 1:
            TABLE.resolve(words[1], [value_of(word) for word in words[2:]])
        assert arguments.run


@pytest.mark.parametrize("page", ["cubase", "fl-studio", "logic"])
def test_the_pages_say_that_the_host_was_not_tried(page: str) -> None:
    text = (presets_folder() / page / "README.md").read_text(encoding="utf-8")
    assert "Nothing here was tried with" in text
