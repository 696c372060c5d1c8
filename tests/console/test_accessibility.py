"""Who cannot see the page, or uses no mouse: axe finds nothing, and every control is reached."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.console.conftest import LAPTOP, TABLET
from tests.console.one_page import one_page
from tests.serving import Server

PICTURES = Path(__file__).with_name("pictures")
"""Git does not keep them."""

NAMED = """() => [...document.querySelectorAll(
    "button, input, select, textarea, canvas, [role=slider], [tabindex='0']")]
    .filter(each => each.checkVisibility() && !each.closest("[aria-hidden=true]"))
    .filter(each => !(each.getAttribute("aria-label") || each.labels?.length
        || each.getAttribute("aria-labelledby") || each.textContent.trim()))
    .map(each => each.outerHTML.slice(0, 120))"""
"""The controls that can be seen and have no name."""

FOCUSED = """() => {
    const on = document.activeElement;
    return on.getAttribute("aria-label") || on.id || on.textContent.trim();
}"""


@pytest.fixture(scope="module")
def console(browser: Browser, server: Server) -> Iterator[Page]:
    """With something on every deck: a blend, an armed one, one that plays."""
    server.send("/deck/1/prompt", "warm house", 1.0, "bright bells", 2.0)
    server.send("/deck/2/prompt", "dub techno, deep bass, echoes")
    server.send("/slot/1/prompt", "jazz")
    server.send("/deck/1/play")
    server.send("/play")
    server.send("/clip/render", "dusty drums", 1)
    with one_page(browser, server) as page:
        yield page


@pytest.mark.parametrize("view", ["Play", "Loops", "Set up"])
def test_axe_finds_nothing_and_every_control_has_a_name(console: Page, view: str) -> None:
    console.get_by_role("tab", name=view).click()
    if view == "Loops":
        expect(console.get_by_role("list", name="Loops")).to_contain_text("dusty drums")
    found = Axe().run(console)
    assert found.violations_count == 0, found.generate_report()
    assert console.evaluate(NAMED) == []


@pytest.mark.parametrize(("name", "size"), [("laptop", LAPTOP), ("tablet", TABLET)])
def test_no_view_is_wider_than_the_window(console: Page, name: str, size: ViewportSize) -> None:
    """And there is a picture of each, to be looked at."""
    console.set_viewport_size(size)
    for view in ("play", "loops", "setup"):
        console.locator(f"#tab-{view}").click()
        console.screenshot(path=PICTURES / f"{view}-{name}.png")
        assert console.evaluate("document.querySelector('main').scrollWidth") <= size["width"]


def test_what_a_player_needs_is_reached_by_keyboard_alone(console: Page) -> None:
    console.get_by_role("tab", name="Play").click()
    console.evaluate("document.activeElement.blur()")
    wanted = {
        "Play", "Stop", "Tempo in BPM", "Tap tempo", "Launch grid", "Clock", "tab-play",
        "Panic: all decks silent", "Deck 1 prompt", "Deck 1 blend", "Deck 1 gain", "Deck 1 mute",
        "Deck 4 solo", "Deck 4 seed", "Deck 4 hold", "Deck 4 capture", "Slot 1, jazz, stored",
        "Keyboard shortcuts",
    }  # fmt: skip
    for _ in range(150):
        console.keyboard.press("Tab")
        wanted.discard(console.evaluate(FOCUSED))
        if not wanted:
            return
    raise AssertionError(f"no way by keyboard to {sorted(wanted)}")
