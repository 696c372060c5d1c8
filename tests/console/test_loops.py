"""Loops in the console: made, heard, kept, found again, and dragged out."""

from __future__ import annotations

import urllib.request
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from bridge.clips.wav import write_wav
from tests.bridge.clips.samples import clip_info, noise
from tests.console.one_page import one_page
from tests.serving import Server, until

RATE = 8000
PROMPTS = ("slow pads", "dry drums", "deep bass")
"""Of the clips that are there, the newest first."""


@pytest.fixture(scope="module")
def page(browser: Browser, server: Server) -> Iterator[Page]:
    # A picture may be asked for while its clip is renamed or deleted.
    with one_page(browser, server, allowed=(r"status of 404 .*/peaks\?",)) as page:
        page.get_by_role("tab", name="Loops").click()
        yield page


@pytest.fixture(autouse=True)
def loops(page: Page, server: Server) -> Iterator[None]:
    """The page shows its loops, three of one bar."""
    empty(server)
    for age, prompt in enumerate(PROMPTS):
        made = datetime.now(UTC) - timedelta(minutes=age)
        info = clip_info(prompt=prompt, bars=1, bpm=120.0, seed=100 + age, created=made)
        write_wav(server.clips / f"{prompt}.wav", noise(2 * RATE, seed=age), RATE, info)
    server.send("/clip/star", f"{PROMPTS[0]}.wav", 0)  # which tells the page to look again
    expect(cards(page)).to_have_count(3)
    yield
    server.send("/clip/audition/stop")
    server.send("/tempo", 120.0)
    empty(server)
    expect(cards(page)).to_have_count(0)


def empty(server: Server) -> None:
    for path in server.clips.glob("*.wav"):
        server.send("/clip/delete", path.name)
    server.sync()


def cards(page: Page) -> Locator:
    return page.get_by_role("list", name="Loops").get_by_role("listitem")


def card(page: Page, words: str) -> Locator:
    return cards(page).filter(has_text=words)


def prompt_field(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Prompt of the loop")


def focus(page: Page, words: str) -> None:
    card(page, words).focus()


def heard(page: Page, words: str) -> Locator:
    return card(page, words).get_by_role("button", name="Audition", pressed=True)


def audition_of(server: Server) -> tuple[object, ...]:
    return server.ask("/clip/audition/state")


def test_variations_of_a_prompt_are_made_with_enter(page: Page) -> None:
    page.get_by_role("radio", name="1 bar", exact=True).click()
    page.get_by_role("button", name="More variations").click()
    prompt_field(page).fill("funky drums")
    prompt_field(page).press("Enter")
    expect(card(page, "funky drums")).to_have_count(2)
    page.get_by_role("button", name="Fewer variations").click()
    expect(cards(page).first).to_contain_text("funky drums")
    expect(cards(page).first).to_contain_text("120 BPM · 1 bar · 2 s · seed")
    expect(page.get_by_role("progressbar")).to_have_count(0)


def test_what_is_being_made_can_be_cancelled(page: Page, server: Server) -> None:
    server.send("/tempo", 20.0)
    page.get_by_role("radio", name="16 bars").click()
    prompt_field(page).fill("endless drums")
    page.get_by_role("button", name="Make", exact=True).click()
    page.get_by_role("button", name="Cancel endless drums").click()
    expect(page.get_by_role("progressbar")).to_have_count(0)
    expect(card(page, "endless drums")).to_have_count(0)


def test_a_job_that_fails_says_why_until_it_is_dismissed(page: Page, server: Server) -> None:
    moved = server.clips.rename(server.clips.with_name("moved"))
    server.clips.touch()  # a file, where a folder has to be
    try:
        prompt_field(page).fill("lost drums")
        prompt_field(page).press("Enter")
        failed = page.get_by_role("alert").filter(has_text="lost drums")
        expect(failed).to_contain_text("folder")
    finally:
        server.clips.unlink()
        moved.rename(server.clips)
    failed.get_by_role("button", name="Dismiss").click()
    expect(failed).to_have_count(0)


def test_space_hears_a_loop_through_the_server_and_ends_it(page: Page, server: Server) -> None:
    focus(page, "dry drums")
    page.keyboard.press("Space")
    until(lambda: audition_of(server) == ("dry drums.wav", "playing"), "it is not heard")
    stop = card(page, "dry drums").get_by_role("button", name="Audition")
    expect(stop).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Space")
    until(lambda: audition_of(server) == ("", "stopped"), "it is heard still")
    expect(stop).to_have_attribute("aria-pressed", "false")
    server.send("/clip/audition", "deep bass.wav")  # another client
    expect(heard(page, "deep bass")).to_be_visible()


def test_in_this_browser_a_loop_is_heard_here_alone(page: Page, server: Server) -> None:
    here = page.get_by_role("button", name="In this browser")
    here.click()
    card(page, "slow pads").get_by_role("button", name="Audition").click()
    expect(heard(page, "slow pads")).to_be_visible()
    server.sync()
    assert audition_of(server) == ("", "stopped")
    here.click()
    expect(page.get_by_role("button", name="Audition", pressed=True)).to_have_count(0)


def test_what_was_starred_by_key_or_has_the_words_is_found(page: Page) -> None:
    focus(page, "slow pads")
    page.keyboard.press("ArrowRight")
    expect(card(page, "dry drums")).to_be_focused()
    page.keyboard.press("s")
    star = card(page, "dry drums").get_by_role("button", name="Star")
    expect(star).to_have_attribute("aria-pressed", "true")
    starred = page.get_by_role("button", name="Starred")
    starred.click()
    expect(page.locator(".clip:visible")).to_have_count(1)
    starred.click()
    page.get_by_role("searchbox", name="Find loops").fill("bass deep")
    expect(page.get_by_text("1 of 3 loops")).to_be_visible()
    expect(card(page, "dry drums")).to_be_hidden()
    page.get_by_role("searchbox", name="Find loops").fill("")


def test_a_loop_is_renamed_in_its_place_and_keeps_the_focus(page: Page, server: Server) -> None:
    focus(page, "dry drums")
    page.keyboard.press("F2")
    page.keyboard.type("take one")
    page.keyboard.press("Enter")
    expect(card(page, "take one.wav")).to_be_focused()
    assert (server.clips / "take one.wav").exists()


def test_what_is_deleted_comes_back_with_undo(page: Page, server: Server) -> None:
    focus(page, "dry drums")
    page.keyboard.press("Delete")
    expect(card(page, "dry drums")).to_have_count(0)
    expect(card(page, "deep bass")).to_be_focused()
    assert not (server.clips / "dry drums.wav").exists()
    page.get_by_role("button", name="Undo").click()
    expect(card(page, "dry drums")).to_have_count(1)
    assert (server.clips / "dry drums.wav").exists()


def test_a_card_is_dragged_out_as_its_file(page: Page, server: Server) -> None:
    page.evaluate(
        """addEventListener("dragstart", (event) => {
            window.carried = event.dataTransfer.getData("DownloadURL"); })"""
    )
    wave = card(page, "dry drums").locator("canvas").bounding_box()
    assert wave is not None
    page.mouse.move(wave["x"] + 50, wave["y"] + 20)
    page.mouse.down()
    page.mouse.move(wave["x"] + 80, wave["y"] + 40, steps=3)
    carried = page.wait_for_function("window.carried").json_value()
    page.keyboard.press("Escape")
    page.mouse.up()
    kind, name, url = carried.split(":", 2)
    assert (kind, name) == ("audio/wav", "dry drums.wav")
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == (server.clips / name).read_bytes()


def test_several_are_downloaded_as_a_zip(page: Page, server: Server) -> None:
    for words in ("slow pads", "deep bass"):
        card(page, words).get_by_role("checkbox").check()
    chosen = page.get_by_role("group", name="Selected loops")
    with page.expect_download() as download:
        chosen.get_by_role("button", name="Download").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.namelist() == ["slow pads.wav", "deep bass.wav"]
        assert archive.read("deep bass.wav") == (server.clips / "deep bass.wav").read_bytes()


def test_prompt_and_seed_are_used_again(page: Page, server: Server) -> None:
    use = card(page, "deep bass").get_by_role("button", name="Use")
    use.click()
    page.get_by_role("menuitem", name="Its prompt and seed on deck 2").click()
    until(lambda: server.ask("/deck/2/seed") == (102,), "the deck has another seed")
    until(lambda: server.ask("/deck/2/prompt")[0] == "deep bass", "the deck has another prompt")
    use.click()
    page.get_by_role("menuitem", name="Put it into the bar above").click()
    expect(prompt_field(page)).to_have_value("deep bass")
    expect(page.get_by_text("seed 102", exact=True)).to_be_visible()
    page.get_by_role("button", name="Draw a new seed").click()
    server.send("/deck/2/prompt", "")


def test_an_empty_folder_says_what_to_type(page: Page, server: Server) -> None:
    empty(server)
    expect(page.get_by_role("heading", name="No loops yet")).to_be_visible()
    example = page.get_by_role("group", name="Examples").get_by_role("button").first
    words = example.inner_text()
    example.click()
    expect(prompt_field(page)).to_have_value(words)


def test_of_a_long_list_only_what_is_seen_is_fetched(page: Page) -> None:
    asked: list[str] = []
    first = page.request.get(page.url.partition("/console")[0] + "/clips").json()[0]
    many = [{**first, "file": f"{i}.wav"} for i in range(300)]

    def outline(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(json=[[-0.5, 0.5]])

    page.route("**/clips", lambda route: route.fulfill(json=many))
    page.route("**/peaks?*", outline)
    page.reload()
    expect(cards(page)).to_have_count(300)
    with page.expect_response("**/clips/0.wav/peaks?*"):
        cards(page).last.scroll_into_view_if_needed()
    assert 0 < len(asked) < 100
    page.unroute("**/clips")
