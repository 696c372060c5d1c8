"""The view where sideman is set up: what can be changed at once, and what needs a restart."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.console.conftest import OpenPage
from tests.serving import Server, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that finds no JACK server, no model and nothing learnt, whatever this machine has."""
    folder = tmp_path_factory.mktemp("serve")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
            patch.delenv(name, raising=False)
        patch.setenv("HF_HOME", str(folder / "models"))
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        patch.setenv("JACK_DEFAULT_SERVER", "none-of-this-name")
        patch.setenv("JACK_NO_START_SERVER", "1")
        with serving(folder, "--key", "A minor", "--block", "512") as server:
            yield server


@pytest.fixture
def page(server: Server, open_page: OpenPage) -> Page:
    page = open_page(server, view="#setup")
    expect(panel(page, "Engine and model").get_by_text("MusicGen small")).to_be_visible()
    return page


def panel(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def test_all_is_shown_and_what_needs_a_restart_gives_the_command_line(
    page: Page, server: Server
) -> None:
    engine = panel(page, "Engine and model")
    expect(engine.get_by_text("Plays", exact=True)).to_be_visible()
    large = engine.get_by_role("listitem").filter(has_text="MusicGen large")
    expect(large).to_contain_text("CC-BY-NC-4.0")
    expect(panel(page, "DAW and controllers")).to_contain_text(str(server.port))
    expect(panel(page, "Clips folder")).to_contain_text(server.clips.name)
    sound = panel(page, "Sound")
    before = server.ask("/output/state")
    sound.get_by_label("Sample rate after a restart").select_option("44100")
    command = sound.locator(".copy-text")
    expect(command).to_have_text(re.compile(r"^sideman serve .*--key 'A minor' .*--rate 44100$"))
    sound.get_by_label("Block after a restart").select_option("128")
    expect(command).to_have_text(re.compile(r"--rate 44100 --block 128$"))
    assert "--block 512" not in (command.text_content() or "")
    assert server.ask("/output/state") == before
    sound.get_by_label("Sample rate after a restart").select_option("48000")
    sound.get_by_label("Block after a restart").select_option("512")
    expect(command).to_be_hidden()


def test_an_output_that_cannot_be_opened_is_said_and_the_old_one_stays(
    page: Page, server: Server
) -> None:
    sound = panel(page, "Sound")
    output = sound.get_by_label("Output device")
    expect(output).to_have_value("null")
    output.select_option("jack")
    expect(sound.get_by_role("status").filter(has_text="output jack:")).to_be_visible()
    expect(output).to_have_value("null")
    assert server.ask("/output") == ("null",)


def test_in_learning_a_click_names_a_control_and_does_nothing_else(
    page: Page, server: Server
) -> None:
    page.get_by_role("button", name="Learn a control").click()
    words = page.get_by_role("group", name="MIDI learn")
    expect(words).to_contain_text("Click a control that glows")
    page.get_by_role("button", name="Deck 1 mute").click()
    expect(words).to_contain_text("press a pad for Deck 1 mute")
    page.get_by_role("slider", name="Deck 2 gain").press("Enter")
    expect(words).to_contain_text("press a pad for Deck 2 gain")
    page.keyboard.press("Escape")
    expect(words).to_be_hidden()
    server.sync()
    # What had been armed is not any more: there is nothing left to forget.
    said = server.ask("/midi/forget", "/deck/2/gain", answer="/error")
    assert "no control was learnt" in str(said)
    mute = page.get_by_role("button", name="Deck 1 mute")
    expect(mute).to_have_attribute("aria-pressed", "false")
    mute.click()
    expect(mute).to_have_attribute("aria-pressed", "true")
    server.send("/deck/1/mute", 0)


def test_a_download_that_fails_says_why_and_can_be_asked_for_again(
    page: Page, server: Server
) -> None:
    if "sideman[musicgen]" in (panel(page, "Engine and model").text_content() or ""):
        pytest.skip("the musicgen extra is not installed")
    page.get_by_role("button", name="Download MusicGen small").click()
    expect(page.locator("#notices")).to_contain_text("HF_HUB_OFFLINE is set")
    expect(page.get_by_role("button", name="Download MusicGen small")).to_be_enabled()
