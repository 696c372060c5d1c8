"""One console for all tests of a file: to open one takes longer than most of them do.

A test that uses it leaves it as it was: the view Play, the first bank, deck 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page

from tests.console.conftest import LAPTOP, PATIENCE_MS, Complaints, address_of, is_up
from tests.serving import Server


@contextmanager
def one_page(browser: Browser, server: Server, allowed: tuple[str, ...] = ()) -> Iterator[Page]:
    """On a laptop. In the end it must not have complained, save of what is `allowed`."""
    context = browser.new_context(viewport=LAPTOP)
    complaints = Complaints(address_of(server), allowed)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    complaints.listen(page)
    page.goto(complaints.here)
    is_up(page)
    yield page
    context.close()
    complaints.check()
