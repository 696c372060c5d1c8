"""The console in a browser: Debian's Chromium, led by Playwright, on a server as users start it.

Waiting is by events: `expect` and `wait_for_function` of Playwright on the page's side, `until` of
`tests.serving` on the server's.

Threading: Playwright's loop runs on the test's thread as long as a browser is open, so that nothing
in this folder may call `asyncio.run`.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    ViewportSize,
    expect,
    sync_playwright,
)

from tests.peers.conftest import need
from tests.serving import Server, serving

LAPTOP = ViewportSize(width=1440, height=900)
TABLET = ViewportSize(width=1180, height=820)
PATIENCE_MS = 20_000
"""For what an event ends long before: a busy machine is no fault of the page."""

# As root, as in a container, Chromium starts without a sandbox only, and there shared memory may be
# scarce.
_ARGUMENTS = ("--no-sandbox", "--disable-dev-shm-usage", "--mute-audio")


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One for all tests of this folder."""
    # The shell is the same browser without its windows, and quicker.
    chromium = shutil.which("chromium-headless-shell") or need("chromium")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(_ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for each file of tests; each test leaves it as it was, or asks for nothing else."""
    with serving(tmp_path_factory.mktemp("serve")) as server:
        yield server


def address_of(server: Server) -> str:
    """Of its console."""
    found = re.search(r" http (\S+:\d+)", server.ready)
    assert found, server.ready
    return f"http://{found[1]}/"


@dataclass
class Complaints:
    """What a page had to say against itself: errors, refusals of its policy, foreign requests.

    `allowed` are regular expressions of errors that a test brings about on purpose.
    """

    here: str
    allowed: tuple[str, ...] = ()
    said: list[str] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda request: self._look(request.url))

    def _hear(self, line: ConsoleMessage) -> None:
        if line.type == "error":
            self.said.append(f"{line.text} ({line.location['url']})")

    def _look(self, url: str) -> None:
        where = urlsplit(url)
        if where.scheme not in ("data", "blob") and where.netloc != urlsplit(self.here).netloc:
            self.said.append(f"asked for {url}")

    def check(self) -> None:
        left = [each for each in self.said if not any(re.search(a, each) for a in self.allowed)]
        assert not left


class OpenPage(Protocol):
    def __call__(
        self,
        server: Server,
        size: ViewportSize = LAPTOP,
        view: str = "",
        allowed: tuple[str, ...] = (),
    ) -> Page:
        """Open a server's console at a window's size; `view` is what its address ends in."""


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens consoles, each as another browser, as far as a server can see. At the end of the test
    none of them may have complained."""
    opened: list[tuple[BrowserContext, Complaints]] = []

    def open_page(
        server: Server,
        size: ViewportSize = LAPTOP,
        view: str = "",
        allowed: tuple[str, ...] = (),
    ) -> Page:
        context = browser.new_context(viewport=size)
        complaints = Complaints(address_of(server), allowed)
        opened.append((context, complaints))
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        complaints.listen(page)
        page.goto(f"{complaints.here}{view}")
        is_up(page)
        return page

    yield open_page
    for context, _ in opened:
        context.close()
    for _, complaints in opened:
        complaints.check()


@pytest.fixture
def page(server: Server, open_page: OpenPage) -> Page:
    """The console of `server`, with what it knows from it, on a laptop."""
    return open_page(server)


def is_up(page: Page) -> None:
    """Wait until a page shows the server's state: whether the transport runs is part of it."""
    expect(page.locator("html")).to_have_attribute("data-playing", re.compile("yes|no"))
