"""What is played on in the console: the transport, and a strip for each deck."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from bridge.row import Value
from tests.console.conftest import LAPTOP, TABLET
from tests.console.one_page import one_page
from tests.serving import Server, until

SEEN = """deck => {
  window.seen = [];
  new MutationObserver(() => window.seen.push(deck.dataset.state)).observe(
    deck, { attributeFilter: ["data-state"] });
}"""
"""Keeps the states that a deck goes through: a beat is shorter than a look at the page may take."""
PROMPT = "warm house, deep bass, rhodes"


@pytest.fixture(scope="module")
def page(browser: Browser, server: Server) -> Iterator[Page]:
    with one_page(browser, server) as page:
        yield page


@pytest.fixture(autouse=True)
def at_rest(server: Server, page: Page) -> Iterator[None]:
    """Decks and transport as they were when the server came up, and nothing being typed."""
    yield
    page.evaluate("document.activeElement?.blur()")
    for address, *values in (
        ("/clock", "internal"), ("/stop",), ("/deck/*/stop",), ("/position", 0.0),
        ("/tempo", 120.0), ("/signature", 4, 4), ("/deck/*/gain", 0.0),
    ):  # fmt: skip
        server.send(address, *values)

    def emptied() -> bool:
        # Again, if need be: a hand's last move leaves the page up to 50 ms later.
        server.send("/deck/*/prompt", "")
        server.sync()
        return not any(prompt_of(page, deck).input_value() for deck in range(1, 5))

    until(emptied, "the page still shows prompts", 0.05)


def becomes(server: Server, address: str, *values: Value) -> None:
    until(lambda: server.ask(address) == values, f"{address} did not become {values}")


def shares(server: Server, address: str) -> list[float]:
    return [float(str(weight)) for weight in server.ask(address)[1::2]]


def number(server: Server, address: str) -> float:
    (value,) = server.ask(address)
    return float(str(value))


def prompt_of(page: Page, deck: int) -> Locator:
    return page.get_by_role("textbox", name=f"Deck {deck} prompt")


def test_a_prompt_takes_effect_when_it_is_entered_or_left_and_not_before(
    page: Page, server: Server
) -> None:
    field = prompt_of(page, 2)
    field.press_sequentially("dusty drums")
    server.sync()
    assert server.ask("/deck/2/prompt") == ("",)
    field.press("Enter")
    becomes(server, "/deck/2/prompt", "dusty drums")
    field.fill("warm bass")
    prompt_of(page, 3).focus()
    becomes(server, "/deck/2/prompt", "warm bass")


def test_what_another_client_sets_is_shown_but_not_over_what_is_being_typed(
    page: Page, server: Server
) -> None:
    server.send("/deck/1/prompt", "one")
    server.send("/deck/2/prompt", "one")
    expect(prompt_of(page, 2)).to_have_value("one")
    prompt_of(page, 1).fill("half a thou")
    server.send("/deck/1/prompt", "two")
    server.send("/deck/2/prompt", "two")
    expect(prompt_of(page, 2)).to_have_value("two")
    expect(prompt_of(page, 1)).to_have_value("half a thou")
    prompt_of(page, 1).press("Escape")
    expect(prompt_of(page, 1)).to_have_value("two")


def test_the_servers_hint_stands_by_the_prompt(page: Page) -> None:
    prompt_of(page, 1).fill("jazz")
    expect(page.locator("#hint-1")).to_contain_text("1 of 5 words at least")
    expect(prompt_of(page, 4)).to_have_attribute(
        "placeholder", "lofi hip hop, dusty drums, warm electric piano"
    )
    prompt_of(page, 1).press("Escape")


def test_a_blend_is_begun_with_a_plus_and_dragged_on_its_pad(page: Page, server: Server) -> None:
    server.send("/deck/2/prompt", PROMPT)
    expect(prompt_of(page, 2)).to_have_value(PROMPT)
    page.get_by_role("button", name="Deck 2 add a prompt to blend").click()
    page.keyboard.type("bright bells")
    page.keyboard.press("Enter")
    until(lambda: shares(server, "/deck/2/prompt") == [1.0, 1.0], "no blend was begun")
    pad = page.get_by_role("slider", name="Deck 2 blend")
    pad.click(position={"x": 30, "y": 60})
    until(lambda: shares(server, "/deck/2/prompt")[0] > 0.8, "the first prompt came no nearer")
    assert sum(shares(server, "/deck/2/prompt")) == pytest.approx(1.0)
    first = shares(server, "/deck/2/prompt")[0]
    pad.press("ArrowRight")
    until(lambda: shares(server, "/deck/2/prompt")[0] < first - 0.02, "a key moved nothing")


def test_the_point_goes_where_another_client_puts_it(page: Page, server: Server) -> None:
    server.send("/deck/3/prompt", "drums", 1.0, "bells", 3.0)
    pad = page.get_by_role("slider", name="Deck 3 blend")
    expect(pad).to_have_attribute("aria-valuetext", "25 % drums, 75 % bells")
    expect(pad).to_have_attribute("aria-valuenow", "75")


def test_of_four_prompts_the_one_in_whose_corner_the_point_lies_is_heard(
    page: Page, server: Server
) -> None:
    four = ("drums", 1.0, "bells", 1.0, "choir", 1.0, "bass", 1.0)
    server.send("/deck/3/prompt", *four)
    pad = page.get_by_role("slider", name="Deck 3 blend")
    expect(pad).to_have_attribute("aria-valuetext", "25 % drums, 25 % bells, 25 % choir, 25 % bass")
    for _ in range(10):
        pad.press("ArrowDown")
        pad.press("ArrowRight")
    until(lambda: shares(server, "/deck/3/prompt")[3] > 0.9, "the bass is not heard alone")
    assert len(server.ask("/deck/3/prompt")) == 8, "the others stay on the pad"


def test_a_prompt_that_is_emptied_leaves_the_blend(page: Page, server: Server) -> None:
    server.send("/deck/3/prompt", "drums", 1.0, "bells", 3.0)
    page.get_by_role("button", name="Deck 3 edit prompt 2").click()
    expect(prompt_of(page, 3)).to_have_value("bells")
    prompt_of(page, 3).fill("")
    prompt_of(page, 3).press("Enter")
    becomes(server, "/deck/3/prompt", "drums")


def test_a_deck_is_armed_until_the_bar_and_then_plays(page: Page, server: Server) -> None:
    server.send("/play")
    server.play_until(0.1)
    deck = page.locator(".deck-1 .deck-play")
    deck.evaluate(SEEN)
    deck.click()
    sounding = re.compile("playing|looping")  # the latter if the machine is too busy
    expect(deck).to_have_attribute("data-state", sounding)
    assert page.evaluate("window.seen")[0] == "armed"
    assert server.position() >= 4.0
    page.get_by_role("button", name="Panic").click()
    expect(deck).to_have_attribute("data-state", "stopped")


def test_the_position_goes_with_the_beats(page: Page, server: Server) -> None:
    server.send("/position", 9.0)
    page.get_by_role("button", name="Play", exact=True).click()
    expect(page.get_by_role("timer", name="Position")).to_have_text(re.compile(r"^[4-9]\.[1-4]$"))


def test_the_position_at_rest_follows_place_and_signature(page: Page, server: Server) -> None:
    position = page.get_by_role("timer", name="Position")
    server.send("/position", 9.0)
    expect(position).to_have_text("3.2")
    page.get_by_role("combobox", name="Signature").select_option("3/4")
    expect(position).to_have_text("4.1")
    becomes(server, "/signature", 3, 4)


def test_tempo_is_typed_and_dragged_and_shows_decimals_only_if_there_are_any(
    page: Page, server: Server
) -> None:
    tempo = page.get_by_role("textbox", name="Tempo")
    expect(tempo).to_have_value("120")
    tempo.click()
    page.keyboard.type("128.5")
    page.keyboard.press("Enter")
    becomes(server, "/tempo", 128.5)
    box = tempo.bounding_box()
    assert box is not None
    x, y = box["x"] + 20, box["y"] + 20
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - 40, steps=4)
    page.mouse.up()
    becomes(server, "/tempo", 138.5)
    server.send("/tempo", 90.0)
    expect(tempo).to_have_value("90")


def test_a_tempo_that_is_refused_is_said_and_not_shown(page: Page) -> None:
    tempo = page.get_by_role("textbox", name="Tempo")
    tempo.click()
    page.keyboard.type("9999")
    page.keyboard.press("Enter")
    expect(page.locator(".notice.error")).to_contain_text("out of range 20..400")
    expect(tempo).to_have_value("120")


def test_a_double_click_brings_back_the_usual_value(page: Page, server: Server) -> None:
    server.send("/deck/1/temperature", 1.5)
    knob = page.get_by_role("slider", name="Deck 1 temperature")
    expect(knob).to_have_attribute("aria-valuetext", "1.5")
    knob.dblclick()
    expect(knob).to_have_attribute("aria-valuetext", "0.85")
    until(lambda: round(number(server, "/deck/1/temperature"), 3) == 0.85, "it stayed")


def test_the_gain_goes_with_the_hand_and_with_other_clients(page: Page, server: Server) -> None:
    gain = page.get_by_role("slider", name="Deck 1 gain")
    gain.press("End")
    becomes(server, "/deck/1/gain", 6.0)
    server.send("/deck/1/gain", -12.0)
    expect(gain).to_have_attribute("aria-valuetext", "-12 dB")


def test_a_locked_seed_is_not_drawn_anew_until_it_is_unlocked(page: Page, server: Server) -> None:
    (seed,) = server.ask("/deck/4/seed")
    again = page.get_by_role("button", name="Deck 4 new seed")
    page.get_by_role("button", name="Deck 4 lock the seed").click()
    expect(again).to_be_disabled()
    page.get_by_role("button", name="Deck 4 lock the seed").click()
    again.click()
    until(lambda: server.ask("/deck/4/seed") != (seed,), "no other seed was drawn")


def test_a_tab_is_named_in_the_address(page: Page) -> None:
    page.get_by_role("tab", name="Loops").click()
    assert page.url.endswith("#loops")
    expect(page.locator("#loops")).to_be_visible()
    expect(page.locator("#play")).to_be_hidden()
    page.go_back()
    expect(page.locator("#play")).to_be_visible()


def test_the_clock_that_is_not_heard_says_so(page: Page) -> None:
    page.get_by_role("combobox", name="Clock").select_option("osc")
    expect(page.locator(".clock-health")).to_have_text("waiting")


def test_four_decks_and_all_pads_fit(page: Page, server: Server) -> None:
    """Also the tallest strip, one with a blend of four, on a laptop and on a tablet."""
    server.send("/deck/4/prompt", "drums", 1.0, "bells", 1.0, "choir", 1.0, "bass", 1.0)
    expect(page.get_by_role("slider", name="Deck 4 blend")).to_be_visible()
    over = "e => [e.scrollWidth - e.clientWidth, e.scrollHeight - e.clientHeight]"
    for size in (LAPTOP, TABLET):
        page.set_viewport_size(size)
        for inside in ("main", ".decks", ".deck-4", "#transport"):
            assert page.locator(inside).first.evaluate(over) == [0, 0], (inside, size)
