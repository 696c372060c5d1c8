"""A patch in Pure Data plays the real server through the abstraction, and hears what it does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.peers.puredata import PatchEnd, patch
from tests.serving import Server, serving

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="module")
def end(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PatchEnd]:
    with patch(tmp_path_factory.mktemp("patch"), server.port) as running:
        running.wait_for("connected 1")
        running.wait_for("heard deck 4 lock none")  # the last of the full state
        yield running


def test_prompts_and_tempo_arrive_as_typed(server: Server, end: PatchEnd) -> None:
    end.say("tempo 96")
    end.say("deck 1 prompt lofi\\, dusty 808 drums")
    end.say("deck 2 prompt lofi\\ hip\\ hop\\,\\ für\\ Elise")
    end.say("/deck/3/prompt dub\\ techno 0.75 deep\\ house 0.25")
    end.say("key F# dorian")
    end.say("sync 1")
    end.wait_for("heard synced 1")
    assert server.ask("/tempo") == (96.0,)
    assert server.ask("/deck/1/prompt") == ("lofi, dusty 808 drums",)
    assert server.ask("/deck/2/prompt") == ("lofi hip hop, für Elise",)
    assert server.ask("/deck/3/prompt") == ("dub techno", 0.75, "deep house", 0.25)
    assert server.ask("/key") == ("F# dorian",)


def test_the_patch_hears_what_others_change(server: Server, end: PatchEnd) -> None:
    server.send("/deck/4/prompt", "house, jazz piano")
    end.wait_for("heard deck 4 prompt house\\,\\ jazz\\ piano")
    server.send("/deck/4/gain", -6)
    end.wait_for("heard deck 4 gain -6")


def test_a_value_is_asked_for_without_an_argument(server: Server, end: PatchEnd) -> None:
    server.send("/slot/7/prompt", "ska")
    server.sync()
    end.say("slot 7 prompt")
    end.wait_for("heard slot 7 prompt ska")


def test_a_deck_starts_and_the_beat_is_heard(server: Server, end: PatchEnd) -> None:
    end.say("deck 1 play none")
    end.wait_for("heard beat str 1.2")
    end.say("stop")
    end.wait_for("heard play 0")


def test_a_loop_is_rendered(server: Server, end: PatchEnd) -> None:
    end.say("render 1 reggae\\, in C minor")
    lines = end.wait_for("heard clip done 1 reggae")
    assert "heard clip accepted 1 reggae\\,\\ in\\ C\\ minor" in lines
    end.say("clip list")
    end.wait_for("heard clip list end 1")


def test_what_is_wrong_is_told(end: PatchEnd) -> None:
    end.say("deck 1")
    end.wait_for("heard error /deck/1 unknown\\ address")
