"""The server is gone and comes back under an open page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.console.conftest import OpenPage
from tests.serving import serving, until

EXPECTED = ("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "WebSocket connection to")


def test_the_page_says_that_the_server_is_gone_and_heals_when_it_is_back(
    tmp_path: Path, free_port: Callable[[], int], open_page: OpenPage
) -> None:
    where = ("--http", f"127.0.0.1:{free_port()}", "--no-midi")
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    with serving(first, *where) as server:
        page = open_page(server, allowed=EXPECTED)
        server.send("/tempo", 90.0)
        tempo = page.get_by_role("textbox", name="Tempo")
        expect(tempo).to_have_value("90")
    gone = page.get_by_role("alert").filter(has_text="No connection to sideman")
    expect(gone).to_be_visible()
    with serving(second, *where) as server:
        expect(gone).to_have_count(0)
        expect(tempo).to_have_value("120")
        prompt = page.get_by_role("textbox", name="Deck 2 prompt")
        prompt.fill("dusty drums")
        prompt.press("Enter")
        until(lambda: server.ask("/deck/2/prompt") == ("dusty drums",), "it is not led again")
        # Levels come over a socket of their own, which has to be back as well.
        server.send("/deck/2/play")
        server.send("/play")
        expect(page.locator(".deck-2 .deck-play")).to_have_attribute("data-state", "playing")
