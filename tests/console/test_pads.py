"""Pads and scenes: what is pressed is launched or stored, and everybody's state is shown."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.console.one_page import one_page
from tests.serving import Server, until


@pytest.fixture(scope="module")
def page(browser: Browser, server: Server) -> Iterator[Page]:
    with one_page(browser, server) as page:
        yield page


@pytest.fixture(autouse=True)
def stage(page: Page, server: Server) -> None:
    """Nothing plays, and nothing is stored in the slots that are used here."""
    server.send("/panic")
    server.send("/stop")
    server.send("/position", 0.0)
    server.send("/grid", "bar")
    for slot in (1, 2, 3, 20):
        server.send(f"/slot/{slot}/prompt", "")
    server.sync()
    expect(pad(page, "Slot 1, empty")).to_be_visible()


def pad(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def store(page: Page, name: str) -> None:
    page.get_by_role("button", name="Store", exact=True).click()
    pad(page, f"Store in {name}").click()


def carry(page: Page, held: Locator, to: Locator) -> None:
    held.locator(".pad-number").hover()
    page.mouse.down()
    to.hover()
    page.mouse.up()


def test_a_pad_is_armed_until_the_line_and_then_plays(page: Page, server: Server) -> None:
    server.send("/slot/1/prompt", "house")
    server.send("/slot/2/prompt", "techno", 1.0, "jazz", 1.0)
    page.get_by_role("radio", name="Pads play on deck 2").click()
    pad(page, "Slot 1, house, stored").click()
    expect(pad(page, "Slot 1, house, playing on deck 2")).to_be_visible()
    server.send("/grid", "8bars")
    server.sync()
    pad(page, "Slot 2, techno + jazz, stored").click()
    expect(pad(page, "Slot 2, techno + jazz, armed on deck 2")).to_be_visible()
    expect(pad(page, "Slot 1, house, playing on deck 2")).to_be_visible()
    server.send("/position", 31.9)
    expect(pad(page, "Slot 2, techno + jazz, playing on deck 2")).to_be_visible()
    expect(pad(page, "Slot 1, house, stored")).to_be_visible()
    page.get_by_role("radio", name="Pads play on deck 1").click()


def test_a_press_stores_only_after_store_and_can_be_undone(page: Page, server: Server) -> None:
    server.send("/deck/1/prompt", "dub techno", 0.25, "jazz", 0.75)
    server.send("/slot/2/prompt", "kept")
    server.sync()
    expect(pad(page, "Slot 2, kept, stored")).to_be_visible()
    pad(page, "Slot 1, empty").click()
    store(page, "Slot 2, kept, stored")
    expect(pad(page, "Slot 2, dub techno + jazz, stored")).to_be_visible()
    wanted = ("dub techno", 0.25, "jazz", 0.75)
    until(lambda: server.ask("/slot/2/prompt") == wanted, "the blend is not stored")
    assert server.ask("/slot/1/prompt") == ("",)
    expect(page.get_by_role("button", name="Store", exact=True, pressed=False)).to_be_visible()
    page.get_by_role("button", name="Undo").last.click()
    expect(pad(page, "Slot 2, kept, stored")).to_be_visible()


def test_a_pad_is_emptied_by_key(page: Page, server: Server) -> None:
    server.send("/slot/3/prompt", "house")
    pad(page, "Slot 3, house, stored").press("Delete")
    expect(pad(page, "Slot 3, empty")).to_be_visible()
    assert server.ask("/slot/3/state") == ("empty", 0)


def test_a_pad_is_carried_to_a_deck_and_nowhere_else(page: Page, server: Server) -> None:
    server.send("/slot/3/prompt", "ambient")
    carry(page, pad(page, "Slot 3, ambient, stored"), page.get_by_role("banner"))
    server.sync()
    assert server.ask("/slot/3/state") == ("stored", 0)
    carry(page, pad(page, "Slot 3, ambient, stored"), page.get_by_role("region", name="Deck 3"))
    expect(pad(page, "Slot 3, ambient, playing on deck 3")).to_be_visible()
    assert server.ask("/deck/3/prompt") == ("ambient",)


def test_scenes_are_stored_and_launched(page: Page, server: Server) -> None:
    server.send("/deck/4/prompt", "as it was")
    server.sync()
    page.get_by_role("button", name="Store", exact=True).click()
    page.get_by_role("button", name="Scene 16", exact=False).click()
    scene = page.get_by_role("button", name="Scene 16, stored", exact=True)
    expect(scene).to_be_visible()
    server.send("/deck/4/prompt", "changed")
    server.sync()
    scene.click()
    until(lambda: server.ask("/deck/4/prompt") == ("as it was",), "the scene did not come back")


def test_sixteen_pads_are_one_stop_with_names_and_show_any_bank(page: Page, server: Server) -> None:
    server.send("/slot/20/prompt", "trance")
    grid = page.get_by_role("grid", name="Pads")
    expect(grid.get_by_role("gridcell")).to_have_count(16)
    expect(grid.locator("button[tabindex='0']")).to_have_count(1)
    pad(page, "Slot 1, empty").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(grid.get_by_role("button").nth(5)).to_be_focused()
    page.get_by_role("button", name="Next bank").click()
    expect(pad(page, "Slot 20, trance, stored")).to_be_visible()
    page.get_by_role("button", name="Previous bank").click()
    expect(pad(page, "Slot 1, empty")).to_be_visible()
