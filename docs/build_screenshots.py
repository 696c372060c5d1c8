"""Takes the pictures of the console in docs/pictures, of a server that plays.

python docs/build_screenshots.py

It needs the tests' extras and Debian's Chromium. Without them the pictures stay as they are.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

FOLDER = Path(__file__).with_name("pictures")
ROOT = FOLDER.parent.parent
sys.path.insert(0, str(ROOT))  # a clone that is not installed

from bridge.demo.keeping import lay_out  # noqa: E402
from bridge.osc.sender import Sender  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Page

PICTURES = (("play", 1440, 900), ("loops", 1180, 820))
LOOPS = ("dusty breakbeat, upright bass", "dub techno stabs, tape echo", "jazz piano, brushes",
         "house, deep bass, rhodes", "warm pad, strings", "funk, slap bass, claps")  # fmt: skip
FIRST_BAR = 3
PATIENCE_MS = 60_000


def play(hand: Sender) -> None:
    """Two decks that play, a third that waits for its bar, and loops."""
    for address, *values in (
        ("/slot/6/launch", 4), ("/deck/1/play",), ("/deck/2/play",), ("/deck/2/gain", -4.0),
        ("/deck/3/gain", -9.0), ("/deck/4/mute", 1), ("/scene/1/store",),
    ):  # fmt: skip
        hand.send(address, *values)
    for seed, prompt in enumerate(LOOPS, 1):
        hand.send("/clip/render", prompt, 1 + seed % 2, 1000 + 37 * seed)


def settle(page: Page, hand: Sender) -> None:
    """Wait for what there is to see: some bars that were played, all loops, one deck armed."""
    page.get_by_role("tab", name="Loops").click()
    page.locator(".clip").nth(len(LOOPS) - 1).wait_for()
    hand.send("/clip/star", page.locator(".clip").first.get_attribute("data-file"), 1)
    page.get_by_role("tab", name="Play").click()
    page.get_by_role("timer").filter(has_text=re.compile(rf"^{FIRST_BAR}\.")).wait_for()
    hand.send("/deck/3/play", "8bars")
    page.wait_for_selector(".deck-3 [data-state=armed]")


@contextmanager
def serving(folder: Path) -> Iterator[tuple[int, str]]:
    """A server of its own: its OSC port, and its console's address."""
    command = [sys.executable, "-m", "bridge.cli", "serve", "--osc", "127.0.0.1:0", "--no-midi",
               "--output", "null", "--engine", "groove", "--clips", str(folder)]  # fmt: skip
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        try:
            assert server.stdout
            found = re.match(r"ready osc \S+:(\d+) .* http (\S+:\d+)", server.stdout.readline())
            assert found, "the server did not start"
            yield int(found[1]), f"http://{found[2]}/"
        finally:
            server.terminate()


def build(chromium: str) -> None:
    from playwright.sync_api import sync_playwright

    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder)) as (port, address),
        Sender("127.0.0.1", port) as hand,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(PATIENCE_MS)
        page.goto(address)
        page.wait_for_selector("html[data-playing]")
        lay_out(port)
        play(hand)
        settle(page, hand)
        for view, width_px, height_px in PICTURES:
            page.set_viewport_size({"width": width_px, "height": height_px})
            page.locator(f"#tab-{view}").click()
            page.screenshot(path=FOLDER / f"{view}.png")
        browser.close()


def main() -> int:
    chromium = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if chromium is None:
        print("no new pictures of the console: Debian's chromium is not installed")
        return 0
    try:
        build(chromium)
    except ModuleNotFoundError as missing:
        print(f"no new pictures of the console: {missing}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
