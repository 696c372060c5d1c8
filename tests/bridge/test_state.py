from __future__ import annotations

import threading

import pytest

from bridge.row import Value
from bridge.state import State


def test_what_was_set_is_read() -> None:
    state = State()
    assert state.get("/tempo") is None
    assert state.set("/tempo", 120.0)
    assert state.get("/tempo") == (120.0,)
    state.set("/signature", 3, 4)
    assert state.items() == [("/tempo", (120.0,)), ("/signature", (3, 4))]


def test_listeners_hear_changes_only() -> None:
    state = State()
    heard: list[tuple[str, tuple[Value, ...]]] = []
    state.set("/before", 1)
    state.listen(lambda address, args: heard.append((address, args)))
    assert state.set("/a", 1)
    assert not state.set("/a", 1)
    assert state.set("/a", 2)
    assert state.set("/a")
    assert heard == [("/a", (1,)), ("/a", (2,)), ("/a", ())]


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        (0.1, 0.10000000149011612, True),  # through a 32-bit float
        (-6.0, -6.000002, True),  # level to gain and back
        (120.0, 120.01, False),
        (0.05, 0.051, False),
        (1, 1.0, False),
        (1, True, False),
        ("a", "b", False),
        ("a", "a", True),
        (None, None, True),
    ],
)
def test_what_counts_as_a_change(old: Value, new: Value, same: bool) -> None:
    state = State()
    state.set("/a", old)
    assert state.set("/a", new) is not same


def test_creeping_adds_up_to_a_change() -> None:
    state = State()
    state.set("/a", 1.0)
    assert any(state.set("/a", 1.0 + i * 1e-6) for i in range(10))


def test_a_listener_may_set_and_listen() -> None:
    state = State()
    heard: list[str] = []

    def follow(address: str, args: tuple[Value, ...]) -> None:
        heard.append(address)
        state.set("/b", *args)
        state.listen(lambda address, args: None)

    state.listen(follow)
    state.set("/a", 1)
    assert heard == ["/a", "/b"]


def test_threads_may_set_and_read_at_once() -> None:
    state = State()

    def work(name: str) -> None:
        for i in range(500):
            state.set(f"/{name}/{i}", i)
            state.items()

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(state.items()) == 2000
