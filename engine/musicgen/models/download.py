"""Fetches a model from the Hugging Face hub into its cache: only the files that are needed.

huggingface_hub does the transfers: it resumes what breaks off, and a file has its name in the
cache only once it is whole.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
)
from huggingface_hub.hf_api import ModelInfo
from huggingface_hub.utils.tqdm import (
    are_progress_bars_disabled,
    disable_progress_bars,
    enable_progress_bars,
)

from engine.errors import EngineUnavailable
from engine.musicgen.models import config, hub

_SPARE_BYTES = 50_000_000


def fetch(
    hub_id: str, tell: Callable[[str], None], began: Callable[[int], None] = lambda _: None
) -> Path:
    """Download what is missing of `hub_id` and return its folder. `began` is told how many bytes
    of weights are about to come.

    Raises EngineUnavailable, in one line, for every way in which this can fail.
    """
    cache = hub.cache_folder()
    with _progress_on_terminals_only():
        try:
            return _fetch(hub_id, cache, tell, began)
        except EngineUnavailable:
            raise
        except Exception as error:
            # Of which tree depends on huggingface_hub's version (requests, httpx, xet).
            raise EngineUnavailable(_reason(hub_id, cache, error)) from None


def _fetch(
    hub_id: str, cache: Path, tell: Callable[[str], None], began: Callable[[int], None]
) -> Path:
    info = HfApi(endpoint=_endpoint()).model_info(hub_id, revision="main", files_metadata=True)
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
    _check_listing(hub_id, sizes)
    small = [name for name in hub.SMALL_FILES if name in sizes]
    folders = [_get(hub_id, name, cache).parent for name in small]
    folder = folders[0]
    config.read(folder)  # Before gigabytes of a model that cannot be played.
    weights = _weights(hub_id, sizes, cache)
    wanted = [name for name in weights if not (folder / name).is_file()]
    size_bytes = sum(sizes.get(name, 0) for name in wanted)
    _announce(hub_id, info, size_bytes, cache, tell)
    began(size_bytes)
    for name in wanted:
        _get(hub_id, name, cache)
    lack = hub.missing(folder)
    if lack:
        raise EngineUnavailable(f"{hub_id} on the hub has no {lack}; use {config.USABLE}")
    tell(f"{hub_id} is complete: from now on it needs no network")
    return folder


def _check_listing(hub_id: str, names: dict[str, int]) -> None:
    if "config.json" not in names:
        raise EngineUnavailable(
            f"{hub_id} on the hub has no config.json: no checkpoint in transformers' format; "
            f"use {config.USABLE}"
        )


def _weights(hub_id: str, sizes: dict[str, int], cache: Path) -> Sequence[str]:
    """The first kind of weights that is there, whole or in shards."""
    for name in hub.WEIGHT_FILES:
        if name in sizes:
            return [name]
        index = f"{name}.index.json"
        if index in sizes:
            return hub.shards(_get(hub_id, index, cache))
    raise EngineUnavailable(
        f"{hub_id} on the hub has no {' or '.join(hub.WEIGHT_FILES)}; use {config.USABLE}"
    )


def _announce(
    hub_id: str, info: ModelInfo, size_bytes: int, cache: Path, tell: Callable[[str], None]
) -> None:
    """What is about to happen, and whether there is room for it."""
    tell(f"downloading {hub_id} ({_amount(size_bytes)}) to {hub.show(cache)}")
    licences = [tag for tag in info.tags or () if tag.startswith("license:")]
    note = hub.licence_note(hub_id)
    if note:
        tell(note)
    elif licences:
        tell(f"its licence, as the hub says: {licences[0].removeprefix('license:')}")
    free = _free_bytes(cache)
    if free < size_bytes + _SPARE_BYTES:
        raise EngineUnavailable(_no_room(hub_id, cache, size_bytes))


def _get(hub_id: str, name: str, cache: Path) -> Path:
    return Path(hf_hub_download(hub_id, name, cache_dir=cache, endpoint=_endpoint()))


def _endpoint() -> str | None:
    """Read at each call; None is huggingface_hub's own."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or None


def _reason(hub_id: str, cache: Path, error: Exception) -> str:
    """One line for what went wrong, with the remedy."""
    where = _endpoint() or "https://huggingface.co"
    status = _status(error)
    chain = [error, error.__cause__, error.__context__]
    full = [e for e in chain if isinstance(e, OSError) and e.errno in _FULL]
    denied = [e for e in chain if isinstance(e, PermissionError)]
    if isinstance(error, GatedRepoError):
        return (
            f"{hub_id} is gated: agree to its terms at {where}/{hub_id}, "
            "then sign in with `hf auth login`"
        )
    if isinstance(error, RepositoryNotFoundError) or status == 404:
        return (
            f"the hub has no model {hub_id!r} that you may read: check its name; "
            f"there are {config.USABLE}"
        )
    if full:
        return _no_room(hub_id, cache, 0)
    if denied:
        return f"{hub.show(cache)} cannot be written: set HF_HOME to a folder that can"
    if isinstance(error, HfHubHTTPError) and status:
        return f"{hub_id} cannot be downloaded: {where} answers {status}; try again later"
    if isinstance(error, EntryNotFoundError | OSError) or _is_network(error):
        return (
            f"{hub_id} is not on this disk and {where} cannot be reached "
            f"({_first_line(error)}): connect for one download (files that came whole are kept), "
            "or give --model a folder"
        )
    return f"{hub_id} cannot be downloaded: {_first_line(error)}"


_FULL = (errno.ENOSPC, errno.EDQUOT)


def _status(error: Exception) -> int | None:
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status if isinstance(status, int) else None


def _is_network(error: Exception) -> bool:
    """Whether it is an error of httpx or requests, whichever carries huggingface_hub."""
    return bool(re.match(r"(httpx|httpcore|requests|urllib3)", type(error).__module__))


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else type(error).__name__


def _no_room(hub_id: str, cache: Path, size_bytes: int) -> str:
    needs = f" needs {_amount(size_bytes)}" if size_bytes else ""
    free = _amount(_free_bytes(cache))
    return (
        f"no room for {hub_id}: it{needs or ' is larger than what is left'} and "
        f"{hub.show(cache)} has {free} free; set HF_HOME to another disk or use a smaller model"
    )


def _free_bytes(cache: Path) -> int:
    """Of the disk that the cache is on, or will be."""
    there = next(path for path in (cache, *cache.parents) if path.exists())
    return shutil.disk_usage(there).free


def _amount(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 5e7 else f"{size_bytes / 1e6:.1f} MB"


@contextmanager
def _progress_on_terminals_only() -> Iterator[None]:
    """huggingface_hub draws its bars into pipes and log files too."""
    if sys.stderr.isatty() or are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()
