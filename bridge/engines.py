"""Which engine, and why. The only place that imports one, and only when it is started.

What takes long (a model that has to be downloaded) is done once, here, in the process that asks:
an engine that is started again finds its weights on disk and never needs the network.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing import active_children
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import BadValue, EngineUnavailable
from engine.musicgen.options import (
    CONTEXT_RANGE_S,
    DEVICES,
    PRECISIONS,
)

if TYPE_CHECKING:  # the command line is read without numpy
    from engine.api import EngineFactory, EngineHandle, EngineInfo
    from engine.bench.report import Report
    from engine.musicgen.models.convert import Converted
    from engine.musicgen.models.known import KnownModel

ENGINES = ("auto", "groove", "musicgen")

SHORTEST_CONTEXT_S = CONTEXT_RANGE_S[0]
"""What costs a model least."""
GROOVE_RATE = 48000
"""The synthesiser works at any rate; this is a DAW's usual one."""

_START_S = 120.0
_LOAD_S = 600.0
"""The largest model, from a slow disk, on a machine that has to swap for it."""

_PROCESS = "sideman-engine"
"""Its name, as `engine.host.client` gives it."""
_INSTALL = "pip install 'sideman[musicgen]'"
_DOWNLOAD = "2.4 GB, CC-BY-NC 4.0: non-commercial"

Tell = Callable[[str], None]
"""Takes a line for the user."""


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """What the command line says of the engine. Raises BadValue if a value is out of range."""

    name: str = "auto"
    model: str = ""
    """Hub id, folder or file; empty: the engine's own choice."""
    device: str = "auto"
    precision: str = "auto"
    context_s: float | None = None
    """None: as much as the machine keeps up with."""
    decks: int = 0
    """How many may play at once; 0: nobody listens, so it need not be quick."""

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> EngineChoice:
        """What a command was told."""
        told = arguments
        return cls(
            told.engine,
            told.model,
            told.device,
            told.precision,
            told.context,
            getattr(told, "decks", 0),
        )

    def __post_init__(self) -> None:
        _among("engine", self.name, ENGINES)
        _among("--device", self.device.partition(":")[0], DEVICES)
        _among("--precision", self.precision, PRECISIONS)
        low, high = CONTEXT_RANGE_S
        if self.context_s is not None and not low <= self.context_s <= high:
            raise BadValue(f"--context {self.context_s:g} is out of range {low:g}..{high:g} s")
        if self.name == "groove" and self.model:
            raise BadValue(
                f"--engine groove takes no --model ({self.model}): leave it out, or use"
                " --engine musicgen"
            )


@dataclass(frozen=True, slots=True)
class Chosen:
    """An engine that can be started, any number of times."""

    name: str
    factory: EngineFactory
    why: str = ""
    """Why this one, and how to get the other; empty if it was asked for by name."""
    timeout_s: float = _START_S

    def start(self) -> EngineHandle:
        """Start it in a process of its own, and wait until it is ready."""
        from engine.host.client import start_process

        return start_process(self.factory, timeout_s=self.timeout_s)

    def inline(self) -> EngineHandle:
        """In the caller's own thread, for renders that nobody listens to meanwhile."""
        from engine.host.inline import InlineEngine

        return InlineEngine(self.factory)

    def line(self, info: EngineInfo) -> str:
        """What runs and why, for people."""
        return f"engine {described(info)}" + (f"; {self.why}" if self.why else "")


def described(info: EngineInfo) -> str:
    """An engine in a few words, what must be known of it among them."""
    what = info.name if info.name == "groove" else f"{info.name}, {info.model} on {info.device}"
    what += f" in {info.precision}" if info.precision else ""
    what += f" with {info.context_s:g} s of context" if info.context_s else ""
    return f"{what} ({info.notice})" if info.notice else what


def choose_engine(choice: EngineChoice, rate: int | None, tell: Tell | None = None) -> Chosen:
    """The engine that `choice` comes to; a model that is not there yet is downloaded first.

    `rate` is what its chunks should come at, in Hz; None: the engine's own. `tell` takes what a
    download has to say (default: to stderr). Raises EngineUnavailable for one that cannot be had
    here.
    """
    if choice.name == "groove":
        return _groove(rate)
    if choice.name == "musicgen" or choice.model:
        return _musicgen(choice, rate, tell or _to_stderr)
    if not _is_installed():
        return _groove(rate, f"for MusicGen: {_INSTALL}")
    model = _default_model()
    if not _is_cached(model):
        get = f"sideman serve --engine musicgen downloads {model}, {_DOWNLOAD}"
        return _groove(rate, f"the weights of MusicGen are not on disk: {get}")
    why = f"{model} is on disk; --engine groove plays the synthesiser"
    return _musicgen(choice, rate, tell or _to_stderr, why)


def start_engine(choice: EngineChoice, rate: int, tell: Tell | None = None) -> EngineHandle:
    """Start an engine in a process of its own, and wait until it is ready."""
    return choose_engine(choice, rate, tell).start()


def inline_engine(choice: EngineChoice, rate: int | None, tell: Tell | None = None) -> EngineHandle:
    """An engine in the caller's own thread, for renders that nobody listens to meanwhile."""
    return choose_engine(choice, rate, tell).inline()


def abandon() -> bool:
    """End every engine's process; whoever waits for one to be ready is told EngineLost.

    Returns whether there was one. For the end of a server that is not up yet.
    """
    children = [child for child in active_children() if child.name == _PROCESS]
    for child in children:
        child.kill()
    return bool(children)


@dataclass(frozen=True, slots=True)
class ModelState:
    """How a model stands here, before anything of it is loaded."""

    installed: bool
    model: str
    cached: bool
    """Whether its weights are on disk."""
    needs_bytes: int
    """Of its weights in memory, on a processor; of the small one if its size is not known."""


def model_state(model: str = "") -> ModelState:
    """Of MusicGen; `model` as for `EngineChoice`."""
    wanted = model or _default_model()
    installed = _is_installed()
    return ModelState(installed, wanted, installed and _is_cached(wanted), _needs_bytes(wanted))


def _needs_bytes(model: str) -> int:
    from engine.musicgen import models
    from engine.musicgen.models import config, hub, published
    from engine.musicgen.openvino import runtime

    precision = "int8" if runtime.is_installed() else "fp32"
    if hub.is_cached(model):
        with suppress(EngineUnavailable):
            folder = models.resolve(model, lambda _: None)  # there is nothing to tell
            return config.read(folder).parameter_bytes(precision)
    size = next((size for size in published.SIZES if size in model), "small")
    return published.parameter_bytes(size, precision)


def known_models() -> list[KnownModel]:
    """Those that can be played here, or could once they are downloaded."""
    from engine.musicgen.models import known

    return known.known_models()


def extra_remedy() -> str:
    """How to get the extra that MusicGen needs; empty if it is here."""
    return "" if _is_installed() else _INSTALL


def downloadable(model: str) -> str:
    """The hub id that `model` means. Raises BadValue, or EngineUnavailable without the extra."""
    _require_installed()
    from engine.musicgen.models import hub

    return hub.full_id(model)


def download_model(hub_id: str, began: Callable[[int], None]) -> None:
    """Fetch it into the cache. `began`: takes the bytes to come. Raises EngineUnavailable."""
    from engine.musicgen import models

    models.resolve(hub_id, lambda _: None, began)


def model_bytes(hub_id: str) -> int:
    """Of what the cache has of it, half-fetched files too."""
    from engine.musicgen.models import known

    return known.bytes_on_disk(hub_id)


def convert_model(
    model: str,
    out: Path,
    kind: str,
    force: bool,
    show: Callable[[float], None],
    tell: Tell | None = None,
) -> Converted:
    """Write a model as the GGUF file `out` with weights of `kind`; it is downloaded if need be.

    `show` takes how much is done, 0..1. Raises BadValue, EngineUnavailable for a model that cannot
    be had, EngineError for a file that cannot be written.
    """
    _require_installed()
    from engine.musicgen.models import convert

    convert.check(out, kind, force)
    source = _resolve(model, tell or _to_stderr)
    return convert.convert(model, source, out, kind, force, show)


def check_plot(path: Path) -> None:
    """Raises SidemanError if a plot of `measure_engine` could not be written."""
    from engine.bench import plot

    plot.check(path)


def measure_engine(choice: EngineChoice, *, quick: bool, tell: Tell) -> Report:
    """MusicGen beside transformers, on the model and device of `choice`: see `engine.bench`.

    `tell` takes what is being done; of a download is told as ever.
    """
    _require_installed()
    from engine.bench import plan, suite

    much = plan.QUICK if quick else plan.FULL
    folder = _resolve(choice.model, _to_stderr) if choice.model else None
    return suite.run_suite(folder, choice.model, choice.device, much, tell)


def write_plot(report: Report, path: Path) -> None:
    from engine.bench import plot

    plot.write(report, path)


def _groove(rate: int | None, why: str = "") -> Chosen:
    from engine import groove

    return Chosen("groove", partial(groove.load, rate=rate or GROOVE_RATE), why)


def _musicgen(choice: EngineChoice, rate: int | None, tell: Tell, why: str = "") -> Chosen:
    _require_installed(", or use --engine groove")
    from engine import musicgen

    model = choice.model or _default_model()
    folder = _resolve(model, tell)
    tell(f"loading {model}" + (f" from {folder}" if str(folder) != model else ""))
    factory = partial(
        musicgen.load,
        str(folder),
        rate=rate,
        device=choice.device,
        precision=choice.precision,
        context_s=choice.context_s,
        decks=choice.decks,
        name=model,
    )
    return Chosen("musicgen", factory, why, _LOAD_S)


def _require_installed(otherwise: str = "") -> None:
    if not _is_installed():
        raise EngineUnavailable(f"the musicgen engine is not installed: {_INSTALL}{otherwise}")


def _is_installed() -> bool:
    from engine import musicgen

    return musicgen.is_installed()


def _default_model() -> str:
    from engine.musicgen.models import hub

    return hub.DEFAULT_MODEL


def _is_cached(model: str) -> bool:
    from engine.musicgen.models import hub

    return hub.is_cached(model)


def _resolve(model: str, tell: Tell) -> Path:
    from engine.musicgen import models

    return models.resolve(model, tell)


def _among(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise BadValue(f"{name} {value!r} is none of {' '.join(known)}")


def _to_stderr(line: str) -> None:
    print(f"sideman: {line}", file=sys.stderr, flush=True)
