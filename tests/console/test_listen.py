"""The master in the browser: it arrives whole, and it sounds."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.bridge.web.web import running
from tests.console.conftest import PATIENCE_MS
from tests.serving import Server

MEASURE = """async () => {
  const { listening } = await import("/console/script/listen.js");
  const until = async (found) => {
    while (!found()) await new Promise((again) => setTimeout(again, 20));
  };
  await until(() => listening()?.node);
  const { context, volume } = listening();
  const picture = new AnalyserNode(context, { fftSize: 2048 });
  volume.connect(picture);
  const samples = new Float32Array(2048);
  const peak = () => (picture.getFloatTimeDomainData(samples), Math.max(...samples.map(Math.abs)));
  await until(() => peak() > 0.01);
  const from = listening().next;
  await until(() => listening().next >= from + context.sampleRate / 2);
  const { node, missed } = listening();
  return { kind: node.constructor.name, missed, rate: context.sampleRate };
}"""
"""Returns once the deck is heard and half a second more has come."""


def listen(page: Page) -> dict[str, Any]:
    page.get_by_role("button", name="Listen here").click()
    heard: dict[str, Any] = page.evaluate(MEASURE)
    return heard


def test_the_master_is_heard_until_it_is_switched_off(page: Page, server: Server) -> None:
    server.send("/deck/1/prompt", "techno")
    server.send("/deck/1/play", "none")
    assert listen(page) == {"kind": "AudioWorkletNode", "missed": 0, "rate": 48_000}
    button = page.get_by_role("button", name="Listen here")
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("slider", name="Volume here")).to_be_visible()
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    assert page.evaluate("import('/console/script/listen.js').then((it) => it.listening())") is None
    server.send("/deck/*/stop", "none")


def test_a_page_without_worklets_plays_it_itself(page: Page, server: Server) -> None:
    """As on a tablet: browsers keep worklets from plain HTTP of another machine."""
    page.evaluate("delete BaseAudioContext.prototype.audioWorklet")
    server.send("/deck/1/prompt", "techno")
    server.send("/deck/1/play", "none")
    assert listen(page)["kind"] == "ScriptProcessorNode"
    page.get_by_role("button", name="Listen here").click()
    server.send("/deck/*/stop", "none")


def test_a_page_with_the_token_of_yesterday_says_so_and_one_of_today_comes_in(
    browser: Browser,
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    with running("0.0.0.0", token="of-yesterday") as it:
        port = it.port
        page.goto(f"http://127.0.0.1:{port}/?token=of-yesterday")
        is_let_in(page)
        assert page.evaluate("document.cookie") == "", "it is no script's business"
    expect(page.get_by_role("alert")).to_contain_text("No connection")
    with running("0.0.0.0", token="of-to-day", port=port) as it:
        expect(page.get_by_role("alert")).to_contain_text("of an earlier start")
        page.goto(f"http://127.0.0.1:{port}/?token=of-to-day")
        is_let_in(page)
    context.close()


def is_let_in(page: Page) -> None:
    """Wait until a page is there with all its files, and linked with its server."""
    expect(page.get_by_role("button", name="Listen here")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
