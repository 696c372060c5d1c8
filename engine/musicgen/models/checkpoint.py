"""The tensors of a checkpoint, read one at a time, so that loading takes little more memory than
the weights that are kept.

Mapping a whole file would count as memory of this process, page by page, up to a second copy of
the model. So safetensors and GGUF are read with plain reads, a tensor each, and pickled files,
whose tensors can only be had through a mapping, are mapped anew every `_MAPPED_BYTES`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from engine.errors import EngineUnavailable
from engine.musicgen.models import gguf_header, hub, pages
from engine.musicgen.models.gguf_file import GgufFile

SYNONYMS = {"text_encoder.shared.weight": "text_encoder.encoder.embed_tokens.weight"}
"""One tensor under two names: some versions of transformers keep the one, some the other."""
_MAPPED_BYTES = 64_000_000
_LARGEST_HEADER_BYTES = 100_000_000
"""As the safetensors library has it."""
_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


class Checkpoint:
    """The weights in a folder, safetensors or pickled, in one file or in shards; or a GGUF file.

    Raises EngineUnavailable, at once for files that are missing or damaged as far as can be seen
    without reading them, and later for what is found then.
    """

    def __init__(self, folder: Path) -> None:
        paths = [folder] if gguf_header.is_gguf(folder) else hub.weight_files(folder)
        if not paths:
            raise EngineUnavailable(
                f"{folder} lacks {hub.missing(folder)}: copy the whole folder, "
                f"or use a hub id such as {hub.DEFAULT_MODEL}"
            )
        self._folder = folder
        self._files: list[_File] = [_open(path) for path in paths]
        self.shapes: Mapping[str, tuple[int, ...]] = {
            name: shape for file in self._files for name, shape in file.shapes.items()
        }
        """By the names in the files."""

    @property
    def names(self) -> Collection[str]:
        return self.shapes.keys()

    def tensors(self, prefixes: Iterable[str] = ("",)) -> Iterator[tuple[str, Tensor]]:
        """Name and tensor of all whose names begin with one of `prefixes`, file by file.

        On the CPU and of the stored type. To be copied from, and let go before the next.
        """
        wanted = tuple(prefixes)
        for file in self._files:
            yield from file.read([name for name in file.shapes if name.startswith(wanted)])

    @torch.inference_mode()
    def copy_into(self, places: Mapping[str, Tensor]) -> None:
        """Fill every tensor of `places`, by its name in the checkpoint, of any type and device.

        Raises EngineUnavailable if one is not there or of another shape.
        """
        places = self._spelled(places)
        self.compare(places)
        for file in self._files:
            for name, tensor in file.read([name for name in file.shapes if name in places]):
                places[name].copy_(tensor)
                del tensor  # Before the next is read.

    def compare(self, places: Mapping[str, Tensor]) -> None:
        """Raises EngineUnavailable if one of `places` is not there or of another shape."""
        places = self._spelled(places)
        missing = [name for name in places if name not in self.shapes]
        if missing:
            more = f" and {len(missing) - 1} more" if missing[1:] else ""
            raise EngineUnavailable(
                f"the weights in {self._folder} lack {missing[0]}{more}: {_remedy(self._folder)}"
            )
        for name, place in places.items():
            if tuple(place.shape) != self.shapes[name]:
                raise EngineUnavailable(
                    f"the weights in {self._folder} do not belong to its config.json: {name} is "
                    f"{list(self.shapes[name])}, not {list(place.shape)}: {_remedy(self._folder)}"
                )

    def _spelled(self, places: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """`places`, by the names that this checkpoint has of `SYNONYMS`."""
        names = {
            name: other
            for name, other in SYNONYMS.items()
            if name not in self.shapes and other in self.shapes
        }
        return {names.get(name, name): tensor for name, tensor in places.items()}


class _File(Protocol):
    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]: ...

    def read(self, names: Collection[str]) -> Iterator[tuple[str, Tensor]]: ...


def _open(path: Path) -> _File:
    try:
        kind = _KINDS.get(path.suffix.lower(), _Pickled)
        return kind(path)
    except OSError as error:
        raise EngineUnavailable(f"{path} cannot be read: {error.strerror}") from None


class _Safetensors:
    """A length of 8 bytes, a header in JSON, and the tensors' bytes.

    Source: https://huggingface.co/docs/safetensors, "Format".
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[str, tuple[torch.dtype, int, int]] = {}
        """Type, first byte in the file and number of bytes, by name in the order of bytes."""
        self.shapes: dict[str, tuple[int, ...]] = {}
        header, start = self._header()
        header.pop("__metadata__", None)
        try:
            for name in sorted(header, key=lambda name: header[name]["data_offsets"]):
                self._add(name, header[name], start)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise _damaged(path, "its header makes no sense") from None
        end = max((first + size for _, first, size in self._places.values()), default=start)
        if path.stat().st_size < end:
            raise _damaged(path, f"{path.stat().st_size} of {end} bytes are there")

    def read(self, names: Collection[str]) -> Iterator[tuple[str, Tensor]]:
        wanted = set(names)
        with self._path.open("rb", buffering=0) as file:
            for name, (dtype, first, size) in self._places.items():
                if name not in wanted:
                    continue
                file.seek(first)
                try:
                    raw = pages.read(file, size)
                except EOFError:
                    raise _damaged(self._path, f"it ends within {name}") from None
                yield name, raw.view(dtype).view(self.shapes[name])
                del raw

    def _header(self) -> tuple[dict[str, Any], int]:
        """The parsed header, and where the tensors' bytes begin."""
        with self._path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= _LARGEST_HEADER_BYTES:
                raise _damaged(self._path, "it has no safetensors header")
            text = file.read(length)
        if len(text) < length:
            raise _damaged(self._path, "it ends within its header")
        try:
            header = json.loads(text)
        except ValueError:
            header = None
        if not isinstance(header, dict):
            raise _damaged(self._path, "it has no safetensors header")
        return header, 8 + length

    def _add(self, name: str, entry: Mapping[str, Any], start: int) -> None:
        dtype, offsets, shape = entry["dtype"], entry["data_offsets"], entry["shape"]
        if dtype not in _DTYPES:
            raise EngineUnavailable(
                f"{self._path}: {name} is of type {dtype}, which cannot be read: "
                f"use a checkpoint in F32, F16 or BF16"
            )
        first, end = (int(offset) for offset in offsets)
        kind = _DTYPES[str(dtype)]
        if (
            end - first != math.prod(shape) * kind.itemsize
            or first < 0
            or min(shape, default=0) < 0
        ):
            raise ValueError
        self.shapes[name] = tuple(int(side) for side in shape)
        self._places[name] = (kind, start + first, end - first)


class _Pickled:
    """What `torch.save` wrote of a state dict; nothing but tensors is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.shapes = {name: tuple(tensor.shape) for name, tensor in self._map().items()}

    def read(self, names: Collection[str]) -> Iterator[tuple[str, Tensor]]:
        mapped = self._map()
        seen_bytes = 0
        for name in names:
            if seen_bytes >= _MAPPED_BYTES:
                mapped = {}  # Before the next, so that the pages of two never add up.
                mapped = self._map()
                seen_bytes = 0
            seen_bytes += mapped[name].nbytes
            yield name, mapped[name]

    def _map(self) -> dict[str, Tensor]:
        try:
            state = torch.load(self._path, map_location="cpu", mmap=True, weights_only=True)
        except OSError:
            raise
        except Exception as error:  # Unpickling raises whatever the bytes make it raise.
            raise _damaged(self._path, _in_short(error)) from None
        if not isinstance(state, dict) or not all(
            isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in state.items()
        ):
            raise EngineUnavailable(
                f"{self._path} holds no plain tensors by name: {_remedy(self._path.parent)}"
            )
        return state


_KINDS: Mapping[str, Callable[[Path], _File]] = {".safetensors": _Safetensors, ".gguf": GgufFile}


def _damaged(path: Path, why: str) -> EngineUnavailable:
    return EngineUnavailable(f"{path} is damaged ({why}): {_remedy(path.parent)}")


def _remedy(folder: Path) -> str:
    if gguf_header.is_gguf(folder):
        return "copy the file again, or make it anew with sideman convert"
    if folder.parent.name == "snapshots":  # In the hub's cache, whose files are links.
        return f"delete {folder.parent.parent} and start again to download it anew"
    return f"copy the folder again, or use a hub id such as {hub.DEFAULT_MODEL}"


def _in_short(error: Exception) -> str:
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= 120 else f"{words[:120]} ..."
