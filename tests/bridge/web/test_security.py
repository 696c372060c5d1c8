"""What every answer forbids, who may change anything, and that nothing comes from elsewhere."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from websockets.exceptions import InvalidStatus

from bridge.web import pages
from bridge.web.security import Guard
from tests.bridge.web.web import Running, get, listener, raw, running

FILES = [path for path in pages.FOLDER.rglob("*") if path.is_file()]
NAMESPACE = "http://www.w3.org/2000/svg"
"""A name that looks like an address; nothing is fetched from there."""


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running() as it:
        it.state.set("/tempo", 120.0)
        yield it


@pytest.mark.parametrize("path", ["/tempo", "/nowhere", "/console/", "/console/script/main.js"])
def test_every_answer_says_what_a_page_of_it_may_do(server: Running, path: str) -> None:
    headers = get(server.port, path)[2]
    policy = dict(part.strip().partition(" ")[::2] for part in
                  headers["content-security-policy"].split(";"))  # fmt: skip
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    for kind, allowed in policy.items():
        assert not re.search(r"unsafe|\*|https?:", allowed), kind
    assert "microphone=()" in headers["permissions-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers


def test_a_refusal_is_dressed_as_well(server: Running) -> None:
    headers = get(server.port, "/tempo", Host="evil.example")[2]
    assert headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["connection"] == "close"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_page_asks_for_nothing_from_elsewhere(path: Path) -> None:
    text = path.read_text().replace(NAMESPACE, "")
    assert not re.search(r"https?://|wss?://|[\"'(]//\w", text)


@pytest.mark.parametrize("path", [p for p in FILES if p.suffix == ".html"], ids=lambda p: p.name)
def test_the_page_has_nothing_that_its_policy_forbids(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text)
    assert all('src="' in tag for tag in re.findall(r"<script[^>]*>", text))


@pytest.mark.parametrize("path", ["/console/../security.py", "/console/%2e%2e/site.py",
                                  "/console/..%2f..%2f..%2fpyproject.toml", "/console//etc/passwd",
                                  "/console/script/", "/console/%00"])  # fmt: skip
def test_no_other_file_is_served(server: Running, path: str) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert raw(server.port, request.encode()).startswith(b"HTTP/1.1 404 ")


def test_no_socket_is_where_files_are(server: Running, caplog: pytest.LogCaptureFixture) -> None:
    with (
        pytest.raises(InvalidStatus) as refused,
        listener(server.port, path="/console/script/main.js"),
    ):
        pass
    assert refused.value.response.status_code == 404
    assert not caplog.text


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {}, 200),
        ("POST", {"origin": "http://localhost:9741"}, 200),
        ("POST", {"origin": "http://evil.example"}, 403),
        ("DELETE", {"origin": "null"}, 403),
        ("PUT", {"origin": "http://localhost:80"}, 403),
        ("PUT", {"host": "evil.example", "origin": "http://evil.example"}, 403),
        ("GET", {"origin": "http://evil.example"}, 200),
    ],
)
def test_a_page_of_another_site_changes_nothing(
    method: str, headers: dict[str, str], status: int
) -> None:
    assert status_of(method, {"host": "localhost:9741", **headers}) == status


def status_of(method: str, headers: dict[str, str]) -> int:
    """Of an application that takes everything, behind a guard on loopback."""
    told: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        told.append(message)

    scope = {
        "type": "http", "method": method, "path": "/", "query_string": b"",
        "headers": [(key.encode(), value.encode()) for key, value in headers.items()],
    }  # fmt: skip
    guard = Guard(PlainTextResponse("done"), True, frozenset({"localhost"}))
    asyncio.run(guard(scope, receive, send))
    return int(told[0]["status"])
