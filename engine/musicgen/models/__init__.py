"""Where models come from, and their sizes.

`hub` what is on this disk, `download` what is not | `checkpoint` a folder's weights
`config` a checkpoint's sizes, `published` Meta's  | `tiny`, `tiny_words` a model that makes noise
`known` which there are, here and to download
`convert` a checkpoint as one GGUF file, `gguf_format` laid out so, `gguf_header` and `gguf_file`
which read it, in `pages` of memory; `new_file` on disk all at once
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.errors import EngineUnavailable
from engine.musicgen.models import hub


def resolve(
    model: str, tell: Callable[[str], None], began: Callable[[int], None] = lambda _: None
) -> Path:
    """Where `model` lies: a local folder, a GGUF file, `tiny`, a hub id, or a size as `small`.

    What is complete in the cache is used as it is, without a word to the network. Otherwise it is
    downloaded, and `tell` gets lines for the user, `began` the bytes to come. Raises
    EngineUnavailable when it cannot be had, BadValue for what is no name of a model.
    """
    if model == hub.TINY:
        from engine.musicgen.models import tiny

        return tiny.cached()
    folder = hub.existing(model)
    if folder is not None:
        return hub.local(folder)
    hub_id = hub.full_id(model)
    found = hub.cached_snapshot(hub_id)
    if found is not None:
        return found
    if hub.is_offline():
        raise EngineUnavailable(
            f"{hub_id} is not (completely) in {hub.show(hub.cache_folder())} and HF_HUB_OFFLINE is"
            " set: unset it for one download, or give --model a folder"
        )
    from engine.musicgen.models import download

    return download.fetch(hub_id, tell, began)
