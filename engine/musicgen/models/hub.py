"""Where a model lies: a folder, a GGUF file, the tiny model, or Hugging Face's cache on this disk.

Nothing heavy is imported here: which engine to start is asked before one is chosen. What is not
on the disk yet is fetched by `download`.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from engine.errors import BadValue, EngineUnavailable
from engine.musicgen.models import gguf_header
from engine.musicgen.models.config import USABLE

DEFAULT_MODEL = "facebook/musicgen-small"
TINY = "tiny"
"""The name of a model with random weights that makes noise, to test an installation."""
TINY_NOTE = "random weights, to test an installation: it makes noise"
META_LICENCE = "cc-by-nc-4.0"
_META_NOTE = "MusicGen's weights are under CC-BY-NC 4.0: not for commercial use"

WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")
"""In the order of preference; each may be cut into shards that `FILE.index.json` lists."""
TOKENIZER_FILES = ("tokenizer.json", "spiece.model")
"""One of them is enough."""
SMALL_FILES = (
    "config.json",
    "generation_config.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    *TOKENIZER_FILES,
)
"""All else that is used of a folder, as far as it is there."""

_SHORT = re.compile(r"(musicgen-)?((stereo-)?(small|medium|large))")
_PUBLISHED = re.compile(r"musicgen-(stereo-)?(small|medium|large)")
_MELODY = re.compile(r"(facebook/)?(musicgen-)?(stereo-)?melody(-large)?")
_LICENCE = re.compile(r"[\w.+ -]{1,60}", re.ASCII)
"""What a stranger's file may have printed."""
_NAME = re.compile(r"[A-Za-z0-9_][\w.-]*", re.ASCII)
_LONGEST_ID = 96


def is_cached(model: str) -> bool:
    """Whether `resolve` needs no network. Cheap, and False for what is no name of a model."""
    if model == TINY:
        return True
    folder = existing(model)
    if folder is not None:
        return not missing(folder)
    try:
        return cached_snapshot(full_id(model)) is not None
    except (BadValue, EngineUnavailable):
        return False


def full_id(model: str) -> str:
    """`owner/name` for a hub id or a short name such as `small` or `musicgen-stereo-large`."""
    short = _SHORT.fullmatch(model)
    if short:
        return f"facebook/musicgen-{short[2]}"
    if _MELODY.fullmatch(model):
        raise EngineUnavailable(f"{model}: melody models cannot be played yet; use {USABLE}")
    if model.lower().endswith(".gguf"):
        raise BadValue(
            f"model {model!r}: there is no such file; sideman convert makes one of {USABLE}"
        )
    if not model or model.count("/") > 1 or model[0] in "./~\\" or "\\" in model:
        raise BadValue(f"model {model!r}: there is no such folder; give one, or a hub id: {USABLE}")
    parts = model.split("/")
    odd = ".." in model or "--" in model or len(model) > _LONGEST_ID
    if len(parts) != 2 or odd or not all(_NAME.fullmatch(part) for part in parts):
        raise BadValue(
            f"model {model!r} is no folder, no hub id (OWNER/NAME), none of small, medium, large, "
            f"stereo-small, stereo-medium, stereo-large, and not {TINY}"
        )
    return model


def licence_note(model: str) -> str:
    """What its weights may be used for, in one line; empty for weights of others."""
    try:
        meta = full_id(model).startswith("facebook/musicgen-")
    except (BadValue, EngineUnavailable):
        return ""
    return _META_NOTE if meta else ""


def file_note(path: Path) -> str:
    """The same of a GGUF file, as it says itself. Raises EngineUnavailable if it cannot be read."""
    header = gguf_header.read(path)
    name, licence = header.text("general.name"), header.text("general.license")
    if name == TINY:
        return TINY_NOTE
    if licence.lower() == META_LICENCE or (not licence and _PUBLISHED.fullmatch(name)):
        return _META_NOTE
    return f"its weights are under {licence}" if _LICENCE.fullmatch(licence) else ""


def cache_folder() -> Path:
    """As huggingface_hub finds it: HF_HUB_CACHE, HF_HOME/hub, XDG_CACHE_HOME, ~/.cache."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if os.environ.get(name):
            return _expanded(os.environ[name])
    if os.environ.get("HF_HOME"):
        return _expanded(os.environ["HF_HOME"]) / "hub"
    return _expanded(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface" / "hub"


def cached_snapshot(hub_id: str) -> Path | None:
    """The folder of a complete copy in the cache."""
    copies = cache_folder() / f"models--{hub_id.replace('/', '--')}"
    try:
        newest = (copies / "refs" / "main").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        newest = ""
    try:
        others = sorted(path.name for path in (copies / "snapshots").iterdir())
    except OSError:
        return None
    for commit in [newest, *others] if newest else others:
        if not missing(copies / "snapshots" / commit):
            return copies / "snapshots" / commit
    return None


def missing(folder: Path) -> str:
    """What a folder or a GGUF file lacks to be a checkpoint; empty if nothing."""
    if gguf_header.is_gguf(folder):
        return _wrong_with(folder)
    if not (folder / "config.json").is_file():
        return "config.json"
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        return " or ".join(TOKENIZER_FILES)
    if weight_files(folder):
        return ""
    for name in WEIGHT_FILES:
        index = folder / f"{name}.index.json"
        if index.is_file():
            gone = [part for part in shards(index) if not (folder / part).is_file()]
            return gone[0] if gone else f"readable {index.name}"
    return f"weights ({' or '.join(WEIGHT_FILES)})"


def weight_files(folder: Path) -> list[Path]:
    """The files of the first kind of weights that is complete; none if none is."""
    for name in WEIGHT_FILES:
        if (folder / name).is_file():
            return [folder / name]
        parts = [folder / part for part in shards(folder / f"{name}.index.json")]
        if parts and all(part.is_file() for part in parts):
            return parts
    return []


def shards(index: Path) -> list[str]:
    """The files that an index names, in order; none if it cannot be read."""
    try:
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []
    # A file beside the index, whatever a stranger's index says.
    return sorted(name for name in names if isinstance(name, str) and Path(name).name == name)


def is_offline() -> bool:
    """As huggingface_hub decides it."""
    wish = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""
    return wish.upper() in {"1", "ON", "YES", "TRUE"}


def show(folder: Path) -> str:
    """A path as a user would write it."""
    try:
        return str(Path("~") / folder.relative_to(Path.home()))
    except (ValueError, RuntimeError):
        return str(folder)


def existing(model: str) -> Path | None:
    """The file or folder of that name, if there is one."""
    try:
        path = Path(model).expanduser()
        return path if model and path.exists() else None
    except (OSError, ValueError, RuntimeError):  # Too long, a zero byte, an unknown user.
        return None


def local(path: Path) -> Path:
    """`path`, if it is a whole checkpoint. Raises EngineUnavailable."""
    if gguf_header.is_gguf(path):
        gguf_header.read(path)
        return path
    if not path.is_dir():
        raise EngineUnavailable(
            f"{path} is a file: give the folder of the checkpoint, or a file that ends in .gguf"
        )
    lack = missing(path)
    if lack:
        raise EngineUnavailable(
            f"{path} is no complete checkpoint: it has no {lack}; copy the whole folder, "
            f"or use a hub id such as {DEFAULT_MODEL}"
        )
    return path


def _wrong_with(file: Path) -> str:
    try:
        gguf_header.read(file)
    except EngineUnavailable as error:
        return str(error)
    return ""


def _expanded(path: str) -> Path:
    return Path(os.path.expandvars(path)).expanduser()
