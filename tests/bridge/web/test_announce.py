"""To be found in the network: what goes wrong is said, and nothing else stops for it."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from bridge.web.announce import OSC_TYPE, QUERY_TYPE, Announcement, addresses_of
from tests.bridge.web.web import DEADLINE_S, OSC, get, running


class NoNetwork:
    def __init__(self, **_: Any) -> None:
        raise OSError(101, "Network is unreachable")


def notice_of(announced: bool | None, host: str = "127.0.0.1") -> str:
    """What is said at the start, by a server that answers nevertheless."""
    with running(host, announced=announced) as it:
        notice = it.notices.get(timeout=DEADLINE_S)
        assert get(it.port, f"/tempo?token={it.token}")[0] == 200
    return notice


def test_without_the_library_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zeroconf", None)
    assert "pip install 'sideman[announce]'" in notice_of(announced=True)


@pytest.mark.parametrize(("announced", "host"), [(True, "127.0.0.1"), (None, "0.0.0.0")])
def test_without_a_network_that_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, announced: bool | None, host: str
) -> None:
    """And: beyond loopback a server announces itself without being asked."""
    pytest.importorskip("zeroconf")
    monkeypatch.setattr("zeroconf.Zeroconf", NoNetwork)
    notice = notice_of(announced, host)
    assert notice.startswith("not announced on the network")
    assert "unreachable" in notice
    assert "\n" not in notice


@pytest.mark.parametrize(("announced", "host"), [(None, "127.0.0.1"), (False, "0.0.0.0")])
def test_on_loopback_or_unwanted_it_keeps_silent(
    monkeypatch: pytest.MonkeyPatch, announced: bool | None, host: str
) -> None:
    monkeypatch.setattr(Announcement, "start", lambda _: pytest.fail("announced"))
    with running(host, announced=announced) as it:
        assert get(it.port, f"/tempo?token={it.token}")[0] == 200


def test_osc_is_announced_only_where_it_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    announced: list[dict[str, int]] = []
    monkeypatch.setattr(Announcement, "start", lambda self: announced.append(self._ports))
    for host in ("127.0.0.1", "0.0.0.0"):  # OSC is on loopback
        with running(host, announced=True) as it:
            assert announced[-1][QUERY_TYPE] == it.port
    assert [ports.get(OSC_TYPE) for ports in announced] == [OSC[1], None]


def test_where_it_is_found() -> None:
    assert addresses_of("192.0.2.7") == ["192.0.2.7"]
    everywhere = addresses_of("0.0.0.0")
    assert everywhere
    assert "0.0.0.0" not in everywhere
