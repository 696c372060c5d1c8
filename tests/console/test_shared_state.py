"""Whatever one client changes, all see: two browsers, and liblo's oscdump."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect

from tests.console.conftest import TABLET, OpenPage
from tests.peers.conftest import need
from tests.serving import Server, until

pytestmark = pytest.mark.peer


@contextmanager
def oscdump(program: str, port: int, log: Path) -> Iterator[Callable[[str], None]]:
    """The real program, listening at `port`; gives a function that waits until it has printed
    something."""
    with log.open("w") as out:
        process = subprocess.Popen([program, "-L", str(port)], stdout=out)

    def prints(words: str) -> None:
        until(lambda: words in log.read_text(), f"oscdump does not print {words}")

    try:
        listens = psutil.Process(process.pid).net_connections
        until(lambda: bool(listens("udp")), "oscdump does not listen")
        yield prints
    finally:
        process.terminate()
        process.wait()


def test_two_browsers_and_oscdump_see_the_same(
    server: Server,
    open_page: OpenPage,
    free_port: Callable[[], int],
    tmp_path: Path,
) -> None:
    laptop, tablet = open_page(server), open_page(server, TABLET)
    port = free_port()
    with oscdump(need("oscdump"), port, tmp_path / "dump.txt") as prints:
        server.send("/subscribe", port, 100.0)
        prints("/deck/4/guidance")
        types_a_prompt(laptop)
        prints('/deck/1/prompt s "dusty drums"')
        expect(tablet.get_by_role("textbox", name="Deck 1 prompt")).to_have_value("dusty drums")

        gain = tablet.get_by_role("slider", name="Deck 3 gain")
        gain.press("Home")
        prints("/deck/3/gain f -60")
        shown = laptop.get_by_role("slider", name="Deck 3 gain")
        expect(shown).to_have_attribute("aria-valuetext", "-60 dB")

        server.send("/deck/2/mute", 1)
        prints("/deck/2/mute i 1")
        for page in (laptop, tablet):
            mute = page.get_by_role("button", name="Deck 2 mute")
            expect(mute).to_have_attribute("aria-pressed", "true")

        drags_a_blend(laptop, tablet, server)


def types_a_prompt(page: Page) -> None:
    prompt = page.get_by_role("textbox", name="Deck 1 prompt")
    prompt.fill("dusty drums")
    prompt.press("Enter")


def drags_a_blend(hand: Page, other: Page, server: Server) -> None:
    server.send("/deck/1/prompt", "drums", 1.0, "bells", 1.0, "choir", 1.0, "bass", 1.0)
    plane = hand.get_by_role("slider", name="Deck 1 blend")
    box = plane.bounding_box()
    assert box is not None
    hand.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    hand.mouse.down()
    hand.mouse.move(box["x"] + box["width"] - 1, box["y"] + box["height"] - 1, steps=6)
    hand.mouse.up()
    bass = re.compile(r" 9\d % bass$")
    expect(other.get_by_role("slider", name="Deck 1 blend")).to_have_attribute(
        "aria-valuetext", bass
    )
    until(lambda: float(str(server.ask("/deck/1/prompt")[-1])) > 0.9, "the server has another")
