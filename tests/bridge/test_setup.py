"""What a page that sets the server up is told, and another output chosen while music plays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest

from bridge import output_keeper
from bridge import setup as setting_up
from bridge.audio.null import NullOutput
from bridge.audio.output import DeviceError
from bridge.audio.portaudio import Device
from bridge.audio.sends.target import split_outputs
from bridge.cli.serve import _without_secrets
from bridge.config import Config
from bridge.setup import command_of, homely, output_items, settings_of
from engine import fake
from tests.bridge.rig import BLOCK, RATE, Rig
from tests.serving import until


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig(partial(fake.load, rate=RATE))
    yield rig
    rig.close()


class Other(NullOutput):
    """Another device on the rig's clock, which keeps what it is given."""

    name = "other"

    def __init__(self, rig: Rig) -> None:
        super().__init__(RATE, BLOCK, lambda: rig.now_s)
        self.audio: list[Any] = []

    def write(self, audio: Any) -> None:
        super().write(audio)
        self.audio.append(audio)


def opening(monkeypatch: pytest.MonkeyPatch, open_: Callable[..., NullOutput]) -> None:
    monkeypatch.setattr(output_keeper, "open_output", open_)


def heard(rig: Rig, address: str) -> list[Any]:
    return [values for told, values in rig.client.heard if told == address]


def run_until(rig: Rig, condition: Callable[[], object], what: str) -> None:
    def turn() -> bool:
        rig.run(BLOCK / RATE)
        return bool(condition())

    until(turn, what)


def test_another_output_plays_on_where_the_old_one_stopped(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Other(rig)
    opening(monkeypatch, lambda *_: other)
    rig.send("/deck/1/play")
    rig.run(0.5)
    before = rig.output
    rig.send("/output", "other")
    run_until(rig, lambda: rig.conductor.output is other, "the other output")
    until(lambda: before._start_s is None, "the old one stops")
    rig.run(0.5)
    assert np.abs(np.concatenate(other.audio)).max(axis=1).min() > 0, "not one silent sample"
    assert other.xruns == 0
    assert rig.state.get("/output") == ("other",)
    rig.send("/output/state")
    rig.run(0.1)
    assert heard(rig, "/output/state") == [("other", RATE, BLOCK, 0.0)]


@pytest.mark.parametrize("fails", ["open", "start"])
def test_an_output_that_cannot_be_had_changes_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    class Broken(NullOutput):
        def start(self) -> None:
            raise DeviceError("another program has it")

    def open_(*_: object) -> NullOutput:
        if fails == "open":
            raise DeviceError("another program has it")
        return Broken(RATE, BLOCK)

    opening(monkeypatch, open_)
    rig.send("/deck/1/play")
    rig.run(0.5)
    rig.send("/output", "broken")
    run_until(rig, lambda: heard(rig, "/error"), "an error")
    assert heard(rig, "/error") == [("/output", "another program has it")]
    assert rig.conductor.output is rig.output
    assert rig.state.get("/output") == ("null",)
    assert rig.audio()[-BLOCK:].any()


def test_one_output_is_opened_at_a_time(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    may, other = Event(), Other(rig)

    def open_(*_: object) -> NullOutput:
        may.wait()
        return other

    opening(monkeypatch, open_)
    rig.send("/output", "slow")
    rig.send("/output", "jack")
    run_until(rig, lambda: heard(rig, "/error"), "an error")
    assert "'slow' is being opened" in heard(rig, "/error")[0][1]
    may.set()
    run_until(rig, lambda: rig.conductor.output is other, "the first of them")


def test_a_choice_ends_the_search_for_a_lost_device(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    searching, back, other = Event(), Event(), Other(rig)
    lost = Other(rig)

    def open_(name: str, *_: object) -> NullOutput:
        if name == "other":
            return other
        searching.set()
        back.wait()
        return lost

    opening(monkeypatch, open_)
    monkeypatch.setattr(output_keeper, "RETRY_S", 0.0)
    monkeypatch.setattr(rig.output, "failed", "unplugged", raising=False)
    run_until(rig, searching.is_set, "a search")
    rig.send("/output", "other")
    run_until(rig, lambda: rig.conductor.output is other, "the other output")
    back.set()
    rig.conductor._outputs._looking.join()  # type: ignore[union-attr]
    rig.run(0.2)
    assert rig.conductor.output is other


def device(index: int, name: str, hostapi: str = "ALSA") -> Device:
    return Device(index, name, hostapi, 2, 48000, False, 0.01)


def test_outputs_are_named_so_that_each_can_be_chosen(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [device(0, "USB"), device(3, "HDMI"), device(7, "HDMI", "JACK"), device(9, "null")]
    assert [item[0] for item in output_items(found)] == ["USB", "3", "7", "9", "jack", "null"]
    monkeypatch.setattr(setting_up, "list_devices", lambda: found)
    rig.send("/output/list")
    run_until(rig, lambda: heard(rig, "/output/list/end"), "the end of the list")
    assert heard(rig, "/output/item")[0] == ("USB", "USB", "ALSA", 2, 48000)
    assert heard(rig, "/output/list/end") == [(6,)]


def test_without_portaudio_the_reason_is_told(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> list[Device]:
        raise DeviceError("PortAudio is missing")

    monkeypatch.setattr(setting_up, "list_devices", none)
    rig.send("/output/list")
    run_until(rig, lambda: heard(rig, "/error"), "an error")
    assert heard(rig, "/error") == [("/output/list", "PortAudio is missing")]


def test_what_was_learnt_is_listed_and_that_it_is_forgotten_is_told(rig: Rig) -> None:
    rig.feedback.subscribe(rig.client)
    rig.send("/midi/learnt/list")
    rig.send("/midi/forget", "/deck/1/gain")
    rig.run(0.01)
    rig.feedback.pump()
    assert heard(rig, "/midi/learnt/item") == [("/deck/1/gain", "CC 7 on channel 1 of nanoKONTROL")]
    assert heard(rig, "/midi/learnt/list/end") == [(1,)]
    rig.feedback.pump()
    assert heard(rig, "/midi/forgotten") == [("/deck/1/gain",)]


def test_the_command_line_is_shown_without_secrets() -> None:
    home = str(Path.home() / "loops")
    words = ["serve", "--token", "s3cret", "--clips", home, "--tok=x", "--key", "A minor"]
    shown = command_of(_without_secrets(words))
    assert "s3cret" not in shown
    assert "--tok" not in shown
    if Path("/").is_absolute():
        assert shown == "sideman serve --clips ~/loops --key 'A minor'"


def test_the_settings_name_what_was_asked_for() -> None:
    _, sends = split_outputs(["vban:show@10.0.0.2"])
    config = Config(sends=sends, midi=False, dialects=("reaper",))
    settings = settings_of(config, "")
    assert ("send", "vban:show@10.0.0.2:6980") in settings
    assert ("midi", "off (--no-midi)") in settings
    assert ("dialect", "reaper") in settings


def test_the_clips_folder_is_told_without_its_owner(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    (tmp_path / "loops").mkdir()
    (tmp_path / "loops" / "a.wav").touch()
    (tmp_path / "loops" / "a.txt").touch()
    monkeypatch.setattr(rig.setup, "_config", Config(clips=tmp_path / "loops"))
    rig.send("/clip/folder")
    run_until(rig, lambda: heard(rig, "/clip/folder"), "the folder")
    [(folder, free_mb, clips)] = heard(rig, "/clip/folder")
    assert folder == homely(tmp_path / "loops") == str(Path("~") / "loops")
    assert free_mb > 0
    assert clips == 1
