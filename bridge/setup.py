"""What a page that sets a server up asks for: devices, models, the clips folder, what it was
started with.

Threading: called on the conductor's thread. What has to look at devices or the disk is done on a
thread of its own, `set-up`, and `then` is called there.
"""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from bridge import engines
from bridge.audio.devices import Device, list_devices
from bridge.audio.sends.target import routes
from bridge.config import Config
from bridge.controls.call import Items, Then
from bridge.models import Models
from bridge.osc.client import Client
from bridge.output_keeper import OutputKeeper
from bridge.row import Value
from engine.errors import BadValue, SidemanError

_log = logging.getLogger(__name__)

MAX_LOOKS = 16
"""That may wait: a look at the devices takes a tenth of a second."""

Item = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """What of a running server is asked for, by functions that are good for any thread."""

    engine: Callable[[], Item]
    """The values of `/engine`."""
    ports: Callable[[], Items]
    """Names and values of where it is reached."""
    midi_problem: Callable[[], str]


class SetUp:
    def __init__(self, config: Config, outputs: OutputKeeper, models: Models, told: Told) -> None:
        self._config = config
        self._outputs = outputs
        self._models = models
        self._told = told
        self._looks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        threading.Thread(target=self._look, name="set-up", daemon=True).start()

    def engine(self) -> Item:
        return self._told.engine()

    def settings(self, then: Then) -> None:
        """Names and values of all that needs a restart to be changed."""
        self._look_for(self._settings, then)

    def _settings(self) -> Items:
        extra = engines.extra_remedy()
        missing: Items = [("musicgen", extra)] if extra else []
        settings = settings_of(self._config, self._told.midi_problem())
        return [*self._told.ports(), *settings, *missing]

    def choose_output(self, name: str, failed: Callable[[SidemanError], None]) -> None:
        """See `OutputKeeper.choose`."""
        self._outputs.choose(name, failed)

    def outputs(self, then: Then) -> None:
        self._look_for(lambda: output_items(list_devices()), then)

    def models(self, then: Then) -> None:
        self._look_for(lambda: [item.values for item in self._models.list()], then)

    def folder(self, then: Then) -> None:
        """The clips folder as people write it, MB that are free there, and how many clips."""
        self._look_for(lambda: [_folder(self._config.clips)], then)

    def download(self, model: str, asker: Client | None) -> None:
        self._models.download(model, asker)

    def cancel(self, model: str) -> None:
        self._models.cancel(model)

    def close(self) -> None:
        """Give up what runs. Safe to call twice."""
        self._looks.put(None)
        self._models.close()

    def _look_for(self, look: Callable[[], Items], then: Then) -> None:
        if self._looks.qsize() >= MAX_LOOKS:
            raise BadValue(f"busy: {MAX_LOOKS} looks at devices and models wait already")
        self._looks.put(lambda: then(_found(look)))

    def _look(self) -> None:
        while (look := self._looks.get()) is not None:
            try:
                look()
            except Exception:  # the next one must find a worker
                _log.exception("a look at devices or models broke")


def _found(look: Callable[[], Items]) -> Items | SidemanError:
    try:
        return look()
    except SidemanError as error:
        return error


def output_items(devices: Sequence[Device]) -> Items:
    """The values of `/output/item`: what `/output` takes, and then the device for people."""
    names = [device.name for device in devices]
    items: Items = []
    for each in devices:
        unique = names.count(each.name) == 1 and each.name.lower() not in ("null", "jack")
        output = each.name if unique else str(each.index)
        items.append((output, each.name, each.hostapi, each.max_output_channels, each.default_rate))
    return [*items, ("jack", "JACK, with ports for each deck", "", 0, 0),
            ("null", "None: no sound, in real time", "", 0, 0)]  # fmt: skip


def _folder(folder: Path) -> Item:
    try:
        free_mb = shutil.disk_usage(folder).free / 1e6
        clips = sum(each.name.endswith(".wav") and each.is_file() for each in os.scandir(folder))
    except OSError as error:
        raise BadValue(f"clips folder {homely(folder)}: {error.strerror}") from None
    return homely(folder), free_mb, clips


def homely(path: Path) -> str:
    """A path as its owner would write it, without the owner's name."""
    whole = path.absolute()
    try:
        return str(Path("~") / whole.relative_to(Path.home()))
    except (ValueError, RuntimeError):
        return str(whole)


def command_of(words: Sequence[str]) -> str:
    """The command line of these words, to be typed again."""
    if os.name == "nt":
        return subprocess.list2cmdline(["sideman", *words])
    return " ".join(["sideman", *map(_typed, words)])


def _typed(word: str) -> str:
    quoted = shlex.quote(word)
    home = f"{Path.home()}/"
    return f"~/{word.removeprefix(home)}" if quoted == word and word.startswith(home) else quoted


def settings_of(config: Config, midi_problem: str) -> Items:
    """What it was told when it was started, by the names of the options; several have one each."""
    several = {
        "send": [route.label for route in routes(config.sends, config.decks, config.rate)],
        "dialect": config.dialects,
        "midi-map": config.midi_maps,
        "midi-in": config.midi_in,
    }
    midi = midi_problem if config.midi else "off (--no-midi)"
    single = {
        "command": command_of(config.command),
        "rate": f"{config.rate}",
        "block": f"{config.block}",
        "decks": f"{config.decks}",
        "clock-out": config.clock_out,
        "midi": midi,
        "bits": "32 (float)" if config.bits == 32 else f"{config.bits}",
        "remember": f"{config.remember_s:g} s",
        "master": "on" if config.master else "off",
    }
    items: Items = [(name, value) for name, value in single.items() if value]
    return items + [(name, value) for name, values in several.items() for value in values]
