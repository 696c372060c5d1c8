"""The models that can be played here, or could once they are downloaded.

Nothing heavy is imported here; it looks at the disk, and not at the network.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from engine.musicgen.models import hub, published


@dataclass(frozen=True, slots=True)
class KnownModel:
    model: str
    """Its hub id."""
    licence: str
    """Of its weights; empty if that is not known here."""
    size_bytes: int
    """On disk; of a published one that is not there, about what comes."""
    cached: bool


def known_models() -> list[KnownModel]:
    """All that Meta published and this version plays, and what else is in the hub's cache."""
    found = [
        _published(f"facebook/musicgen-{kind}{size}", size, channels)
        for channels, kind in ((1, ""), (2, "stereo-"))
        for size in published.SIZES
    ]
    others = set(cached_ids()) - {each.model for each in found}
    return found + [KnownModel(model, "", bytes_on_disk(model), True) for model in sorted(others)]


def _published(model: str, size: str, channels: int) -> KnownModel:
    cached = hub.cached_snapshot(model) is not None
    expected_bytes = published.parameter_bytes(size, "fp32", channels)
    size_bytes = bytes_on_disk(model) if cached else expected_bytes
    return KnownModel(model, hub.META_LICENCE.upper(), size_bytes, cached)


def cached_ids() -> list[str]:
    """The hub ids of all complete models of this kind in the cache."""
    ids = [path.name.removeprefix("models--").replace("--", "/", 1) for path in _copies()]
    return [id_ for id_ in ids if (folder := hub.cached_snapshot(id_)) and _is_musicgen(folder)]


def _copies() -> list[Path]:
    try:
        return sorted(hub.cache_folder().glob("models--*--*"))
    except OSError:
        return []


def _is_musicgen(folder: Path) -> bool:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return bool(config["model_type"] == "musicgen")
    except (OSError, ValueError, KeyError, TypeError):
        return False


def bytes_on_disk(hub_id: str) -> int:
    """Of all that the cache has of it, half-fetched files too."""
    total_bytes = 0
    for path in (hub.cache_folder() / f"models--{hub_id.replace('/', '--')}").rglob("*"):
        with suppress(OSError):  # a file that has come is moved away
            total_bytes += 0 if path.is_symlink() or path.is_dir() else path.stat().st_size
    return total_bytes
