"""The documentation: current where it is derived, and without dead links."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from bridge.table import Table
from engine.errors import BadValue

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "daw_presets").rglob("*.md")]
)
BUILD = runpy.run_path(str(ROOT / "docs" / "build_osc.py"))


def test_the_osc_page_is_current() -> None:
    written = (ROOT / "docs" / "osc.md").read_text(encoding="utf-8")
    assert written == BUILD["page"](), "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    local = [link for link in links if not link.startswith(("http:", "https:", "mailto:"))]
    missing = [link for link in local if not (page.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_messages_in_examples_are_taken(page: Path) -> None:
    """Every `sideman send` line in the pages would be accepted by a server of four decks."""
    table = Table(decks=4)
    for line in re.findall(r"^sideman send (/.*)$", page.read_text(encoding="utf-8"), re.M):
        address, values = parse(line)
        try:
            table.resolve(address, values)
        except BadValue as error:
            pytest.fail(f"{line}: {error}")


def parse(line: str) -> tuple[str, list[float | str]]:
    """The address and arguments of an example, up to its comment."""
    words = re.findall(r'"([^"]*)"|(\S+)', line.split("  ")[0])
    address, *rest = [quoted or bare for quoted, bare in words]
    return address, [float(word) if is_number(word) else word for word in rest]


def is_number(word: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", word) is not None
