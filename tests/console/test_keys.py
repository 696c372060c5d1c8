"""Keys: by their place on the keyboard, never while something is typed, and all shown by `?`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.console.one_page import one_page
from tests.serving import Server, until


@pytest.fixture(scope="module")
def page(browser: Browser, server: Server) -> Iterator[Page]:
    with one_page(browser, server) as page:
        yield page


@pytest.fixture(autouse=True)
def stage(page: Page, server: Server) -> None:
    """Nothing plays, and nothing has the focus."""
    server.send("/panic")
    server.send("/stop")
    server.send("/position", 0.0)
    server.send("/grid", "bar")
    server.send("/slot/6/prompt", "")
    server.send("/slot/7/prompt", "house")
    server.send("/deck/1/prompt", "dub")
    server.sync()
    page.evaluate("document.activeElement.blur()")
    expect(page.locator("html")).to_have_attribute("data-playing", "no")
    expect(page.get_by_role("textbox", name="Deck 1 prompt")).to_have_value("dub")
    expect(page.get_by_role("button", name="Slot 7, house, stored")).to_be_visible()


def plays(server: Server, deck: int) -> bool:
    return server.ask(f"/deck/{deck}/state") == ("playing",)


def test_pads_are_pressed_and_stored_into(page: Page, server: Server) -> None:
    page.keyboard.press("Shift+KeyS")
    expect(page.get_by_role("button", name="Slot 6, dub, stored")).to_be_visible()
    page.keyboard.press("KeyD")
    expect(page.get_by_role("button", name="Slot 7, house, playing on deck 1")).to_be_visible()


def test_digits_play_stop_and_mute_decks(page: Page, server: Server) -> None:
    page.keyboard.press("Digit2")
    until(lambda: plays(server, 2), "deck 2 does not play")
    page.keyboard.press("Shift+Digit2")
    mute = page.get_by_role("button", name="Deck 2 mute")
    expect(mute).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Shift+Digit2")
    expect(mute).to_have_attribute("aria-pressed", "false")
    server.send("/grid", "none")
    server.sync()
    page.keyboard.press("Digit2")
    until(lambda: server.ask("/deck/2/state") == ("stopped",), "deck 2 plays still")


def test_space_is_the_transport_s_but_for_who_moves_by_keyboard(page: Page, server: Server) -> None:
    page.get_by_role("button", name="Previous bank").click()
    page.keyboard.press("Space")
    until(lambda: server.status()["playing"] == 1, "the transport does not run")
    expect(page.get_by_role("button", name="Slot 113, empty")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Slot 7, house, stored")).to_be_visible()
    server.sync()
    assert server.status()["playing"] == 1


def test_escape_twice_is_panic_but_not_while_there_is_something_to_close(
    page: Page, server: Server
) -> None:
    page.keyboard.press("Digit1")
    until(lambda: plays(server, 1), "deck 1 does not play")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Store", exact=True).click()
    page.keyboard.press("Escape")
    server.sync()
    assert plays(server, 1)
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    until(lambda: server.ask("/deck/1/state") == ("stopped",), "deck 1 plays still")


def test_nothing_is_done_while_something_is_typed(page: Page, server: Server) -> None:
    page.locator("#play textarea, #play input").first.focus()
    page.keyboard.type("d2 ?")
    server.sync()
    assert server.ask("/slot/7/state") == ("stored", 0)
    assert server.ask("/deck/2/state") == ("stopped",)
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Escape")


def test_help_shows_every_key_and_keeps_the_focus(page: Page) -> None:
    page.keyboard.press("?")
    help_ = page.get_by_role("dialog", name="Keyboard shortcuts")
    keys = help_.locator("kbd").all_inner_texts()
    for key in ("Space", "Esc", "Del", "Shift", "?", "[", "]", *"1234QWERASDFZXCVBNM,UIOPJKL;TGH"):
        assert key in keys
    for _ in range(3):
        page.keyboard.press("Tab")
    expect(help_.get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Escape")
    expect(help_).to_have_count(0)


def test_keys_of_the_pads_rest_while_they_are_not_seen(page: Page, server: Server) -> None:
    page.get_by_role("tab", name="Loops").click()
    page.keyboard.press("KeyD")
    page.keyboard.press("Space")
    until(lambda: server.status()["playing"] == 1, "the transport does not run")
    assert server.ask("/slot/7/state") == ("stored", 0)
    page.get_by_role("tab", name="Play").click()
