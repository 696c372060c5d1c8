"""Audacity's page: the commands that it names are such as the command line takes."""

from __future__ import annotations

import re
import shlex

import pytest

from bridge.cli.parser import parse
from tests.serving import ROOT

README = (ROOT / "daw_presets" / "audacity" / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted(set(re.findall(r"`sideman ([^`]+)`", README)))


def test_it_names_both_ways() -> None:
    assert {"import", "watch --to audacity"} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_taken(command: str) -> None:
    assert parse(shlex.split(command)).run
