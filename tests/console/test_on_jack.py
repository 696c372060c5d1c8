"""From the hand on the page to the sound in JACK, and from a MIDI knob to the page."""

from __future__ import annotations

import itertools
import re
import urllib.request
from collections.abc import Callable, Iterator
from statistics import median

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from engine.api import Audio
from tests.console.one_page import one_page
from tests.peers.jack import Recording, jack_server, output_ports, recording
from tests.peers.test_jack_midi import OWN_PORT, Player, patch
from tests.peers.test_server import _where, recorded
from tests.serving import Server, serving, until

pytestmark = pytest.mark.peer

RATE = 48_000
KICK_HZ = 110.0
"""A kick lies below, a pad above."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that plays to JACK and hears MIDI from it, and has learnt nothing."""
    pytest.importorskip("rtmidi", reason="python-rtmidi is not installed")
    folder = tmp_path_factory.mktemp("serve")
    with jack_server(RATE, 512), pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        with serving(folder, "--output", "jack") as server:
            yield server


@pytest.fixture(scope="module")
def console(browser: Browser, server: Server) -> Iterator[Page]:
    with one_page(browser, server) as page:
        yield page


@pytest.fixture
def page(console: Page, server: Server) -> Iterator[Page]:
    console.get_by_role("tab", name="Play").click()
    yield console
    for address, *values in (("/panic",), ("/stop",), ("/tempo", 120.0)):
        server.send(address, *values)
    server.sync()


@pytest.fixture
def tape(server: Server) -> Iterator[Recording]:
    with recording(output_ports("sideman")[:2], seconds=120) as tape:
        yield tape


def deep(audio: Audio) -> float:
    """The share of the sound that is deep, 0..1; of none, 0."""
    power = np.abs(np.fft.rfft(audio.sum(axis=1))) ** 2
    count = int(KICK_HZ * len(audio) / RATE)
    return float(power[:count].sum() / max(power.sum(), 1e-9))


def sounds_deep(tape: Recording) -> bool:
    return deep(tape.audio()[-RATE:]) > 0.6


def sounds_high(tape: Recording) -> bool:
    last = tape.audio()[-RATE:]
    return bool(np.abs(last).max() > 0.01) and deep(last) < 0.2


def test_a_prompt_that_is_typed_is_heard(page: Page, server: Server, tape: Recording) -> None:
    prompt = page.get_by_role("textbox", name="Deck 1 prompt")
    prompt.fill("house, kick only")
    prompt.press("Enter")
    page.get_by_role("button", name="Deck 1 play").click()
    page.get_by_role("button", name="Play", exact=True).click()
    until(lambda: sounds_deep(tape), "no kick is heard")
    prompt.fill("warm pad in A minor, no drums, no bass")
    prompt.press("Enter")
    until(lambda: sounds_high(tape), "no pad is heard")
    assert server.ask("/deck/1/prompt") == ("warm pad in A minor, no drums, no bass",)


def test_a_blend_is_heard_where_the_hand_drags_it(
    page: Page, server: Server, tape: Recording
) -> None:
    server.send("/deck/1/prompt", "house, kick only", 0.01, "warm pad, no drums, no bass", 0.99)
    pad = page.get_by_role("slider", name="Deck 1 blend")
    page.get_by_role("button", name="Deck 1 play").click()
    page.get_by_role("button", name="Play", exact=True).click()
    until(lambda: sounds_high(tape), "no pad is heard")
    box = pad.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] - 6, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 1, middle, steps=8)
    page.mouse.up()
    until(lambda: sounds_deep(tape), "no kick is heard")


def test_a_pad_is_armed_and_plays_on_the_bar(page: Page, server: Server) -> None:
    server.send("/tempo", 200.0)
    server.send("/slot/3/prompt", "funk, slap bass")
    pad = page.get_by_role("button", name=re.compile(r"Slot 3\b"))
    expect(pad).to_have_accessible_name("Slot 3, funk, slap bass, stored")
    page.get_by_role("button", name="Play", exact=True).click()
    expect(page.get_by_role("timer", name="Position")).to_have_text(re.compile(r"[23]\.2"))
    watch(pad)
    pad.click()
    expect(pad).to_have_accessible_name("Slot 3, funk, slap bass, playing on deck 1")
    seen = page.evaluate("window.seen")
    assert [state for state, _ in itertools.groupby(seen, lambda each: each[0])] == [
        "armed",
        "playing",
    ]
    # The beat and the state are told apart: either may come first.
    at = next(position for state, position in seen if state == "playing")
    assert at.endswith((".1", ".4")), at


def watch(pad: Locator) -> None:
    """Have the page keep how the pad was, and where the transport was then."""
    pad.evaluate("""pad => {
        const states = ["armed", "playing"];
        const position = document.querySelector("[role=timer]");
        window.seen = [];
        new MutationObserver(() => {
            const state = states.find(each => pad.classList.contains(each));
            if (state) window.seen.push([state, position.textContent]);
        }).observe(pad, { attributes: true, attributeFilter: ["class"] });
    }""")


def test_a_tapped_tempo_is_the_pace_of_the_taps(page: Page, server: Server) -> None:
    tap = page.get_by_role("button", name="Tap tempo")
    tap.evaluate("""tap => {
        window.taps = [];
        tap.addEventListener("pointerdown", () => window.taps.push(performance.now()));
    }""")
    for _ in range(5):
        tap.click()
        page.wait_for_timeout(430)  # a pace, whatever it comes to: the page says below
    taps_ms = page.evaluate("window.taps")
    bpm = 60_000 / median(late - early for early, late in itertools.pairwise(taps_ms))
    until(lambda: told_tempo(server) == pytest.approx(bpm, rel=0.1), f"not {bpm} BPM")
    tempo = page.get_by_role("textbox", name="Tempo")
    expect(tempo).to_have_value(re.compile(f"^{int(told_tempo(server))}"))


def told_tempo(server: Server) -> float:
    (bpm,) = server.ask("/tempo")
    return float(str(bpm))


def test_a_midi_knob_is_learnt_and_moves_what_the_page_shows(page: Page, server: Server) -> None:
    knob = Player("knob")
    try:
        patch(knob.port, OWN_PORT)
        page.get_by_role("tab", name="Set up").click()
        page.get_by_role("button", name="Learn a control").click()
        gain = page.get_by_role("slider", name="Deck 2 gain")
        gain.click()
        bar = page.get_by_role("group", name="MIDI learn")
        expect(bar).to_contain_text("Now move a knob")
        turns = itertools.cycle((127, 64, 0))
        # JACK drops now and then what a busy client sends: so it is turned until it is heard.
        turn_until(knob, turns, lambda: "drives" in bar.inner_text())
        page.get_by_role("button", name="Done").click()
        turn_until(knob, turns, lambda: gain.get_attribute("aria-valuetext") == "-60 dB")
    finally:
        server.send("/midi/forget", "/deck/2/gain")
        server.send("/deck/2/gain", 0.0)
        knob.leave()


def turn_until(knob: Player, turns: Iterator[int], over: Callable[[], bool]) -> None:
    def turned() -> bool:
        knob.play(0xB0, 20, next(turns))
        return over()

    until(turned, "the knob was not heard", poll_s=0.1)


def test_a_loop_is_made_heard_and_dragged_out(page: Page, server: Server, tape: Recording) -> None:
    server.send("/tempo", 200.0)
    page.get_by_role("tab", name="Loops").click()
    page.get_by_role("radio", name="1 bar", exact=True).click()
    prompt = page.get_by_role("textbox", name="Prompt of the loop")
    prompt.fill("breakbeat drums")
    prompt.press("Enter")
    card = page.get_by_role("list", name="Loops").get_by_role("listitem")
    expect(card).to_contain_text("breakbeat drums")
    (path,) = server.clips.glob("*.wav")
    begun = tape.samples
    card.get_by_role("button", name="Audition").click()
    until(lambda: server.ask("/clip/audition/state") == (path.name, "playing"), "it is not heard")
    until(lambda: tape.samples > begun + 3 * RATE, "JACK does not go on")
    assert is_in(recorded(path)[RATE // 4 : RATE], tape.audio()[begun:])
    assert dragged(page, card) == path.read_bytes()


def is_in(piece: Audio, whole: Audio) -> bool:
    at = _where(piece, whole)
    return bool(np.allclose(whole[at : at + len(piece)], piece, rtol=0, atol=1e-3))


def dragged(page: Page, card: Locator) -> bytes:
    """Draw a card away with the mouse, and fetch what the browser would hand on."""
    page.evaluate("""() => document.addEventListener("dragstart", event =>
        (window.carried = event.dataTransfer.getData("DownloadURL")))""")
    box = card.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 40, box["y"] + 60, steps=4)
    until(lambda: bool(page.evaluate("window.carried")), "nothing is dragged")
    page.mouse.up()
    kind, name, url = page.evaluate("window.carried").split(":", 2)
    assert (kind, name) == ("audio/wav", card.get_attribute("data-file") or name)
    with urllib.request.urlopen(url) as answer:
        return bytes(answer.read())
