"""What is seen of the sound in the console: waveforms, meters, the spectrum, health."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.serving import Server

# How much of a waveform in deck 1's colour there is left of its play head (-1) or right of it (1).
_WAVES = """
(side) => {
  const canvas = document.querySelector(".deck-1 .scope-picture");
  const { width, height } = canvas;
  const head = Math.round(0.7 * width);
  const pen = canvas.getContext("2d");
  const waves = (from, to) => {
    const { data } = pen.getImageData(from, 0, to - from, height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4) count += data[i] > 90 && data[i] - data[i + 2] > 40;
    return count;
  };
  return side < 0 ? waves(0, head - 4) > 200 : waves(head + 4, width) > 20;
}
"""
_IS_BRIGHT = """
() => {
  const canvas = document.querySelector(".spectrum-picture");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.some((level, i) => i % 4 === 1 && level > 100);
}
"""


@pytest.fixture
def playing(server: Server) -> Iterator[Server]:
    """Deck 1 plays."""
    server.send("/deck/1/prompt", "techno")
    server.send("/deck/1/play", "none")
    server.sync()
    yield server
    server.send("/deck/1/stop", "none")
    server.send("/stop")
    server.sync()


def test_what_a_deck_plays_is_seen_heard_and_ahead(playing: Server, page: Page) -> None:
    waveform = page.locator(".deck-1 .scope-picture")
    expect(waveform).to_have_attribute("aria-label", re.compile(r"\d seconds are made ahead"))
    page.wait_for_function(_WAVES, arg=1)
    page.wait_for_function(_WAVES, arg=-1)
    level = page.get_by_role("img", name=re.compile("Deck 1 level"))
    expect(level).to_have_attribute("aria-label", re.compile(r"peak -\d"))
    page.wait_for_function(_IS_BRIGHT)
    expect(page.locator(".spectrum-picture")).to_have_attribute("aria-label", re.compile("hertz"))
    expect(page.locator(".deck-2 .scope-picture")).to_have_attribute(
        "aria-label", "Waveform of deck 2: silent"
    )


def test_the_page_looks_away_while_nothing_of_it_is_on_the_screen(page: Page) -> None:
    with page.expect_websocket(lambda socket: "/console/look" in socket.url) as opened:
        page.reload()
    with opened.value.expect_event("framesent", lambda said: said == '{"fps":0,"decks":[]}'):
        page.get_by_role("tab", name="Loops").click()
    with opened.value.expect_event("framesent", lambda said: '"fps":30' in str(said)):
        page.get_by_role("tab", name="Play").click()


def test_health_is_a_word_and_behind_it_are_the_figures(page: Page) -> None:
    health = page.get_by_role("button", name=re.compile("^Health: "))
    health.click()
    panel = page.locator("#health")
    expect(panel).to_contain_text("groove")
    expect(panel).to_contain_text(re.compile(r"mix \d+.* limiter 1\.5"))
    expect(panel).to_contain_text("sideman leads, nothing is followed")
    health.click()
    expect(panel).to_be_hidden()
