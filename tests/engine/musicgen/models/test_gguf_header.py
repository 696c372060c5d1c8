"""A GGUF file is a stranger's: whatever is in it, reading ends soon, with a tensor or an error."""

from __future__ import annotations

import struct
import time
import tracemalloc
from contextlib import suppress
from pathlib import Path

import gguf
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import EngineUnavailable
from engine.musicgen.models import config, hub
from engine.musicgen.models.checkpoint import Checkpoint
from engine.musicgen.models.gguf_format import TEXTS

Key = tuple[str, int, bytes]
"""Name, type and bytes of an entry."""

ARCHITECTURE: Key = ("general.architecture", 8, struct.pack("<Q", 8) + b"musicgen")


def string(key: str, value: bytes) -> Key:
    return key, 8, struct.pack("<Q", len(value)) + value


TEXT_KEYS = [string(TEXTS["config.json"], b"{}"), string(TEXTS["tokenizer.json"], b"{}")]


def tensor(name: str, shape: list[int], kind: int = 0, offset: int = 0) -> bytes:
    sides = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
    return struct.pack("<Q", len(name)) + name.encode() + sides + struct.pack("<IQ", kind, offset)


def file(
    keys: list[Key] | None = None,
    tensors: list[bytes] | None = None,
    data: bytes = bytes(256),
    counts: tuple[int, int] | None = None,
    start: bytes = b"GGUF\3\0\0\0",
) -> bytes:
    keys = [ARCHITECTURE, *TEXT_KEYS] if keys is None else keys
    tensors = [tensor("x", [4])] if tensors is None else tensors
    head = start + struct.pack("<QQ", *(counts or (len(tensors), len(keys))))
    for name, kind, value in keys:
        head += struct.pack("<Q", len(name)) + name.encode() + struct.pack("<I", kind) + value
    head += b"".join(tensors)
    return head + bytes(-len(head) % 32) + data


def refusal(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(EngineUnavailable) as caught:
        list(Checkpoint(path).tensors())
    said = str(caught.value)
    assert "\n" not in said
    assert said.startswith(str(path))
    assert hub.missing(path)
    return said


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.gguf"


def test_a_plain_file_is_read(path: Path) -> None:
    path.write_bytes(file(data=struct.pack("<4f", 1, 2, 3, 4)))
    [(name, values)] = Checkpoint(path).tensors()
    assert (name, values.tolist()) == ("x", [1, 2, 3, 4])


def test_arrays_and_every_kind_of_value_are_passed_over(path: Path) -> None:
    words = struct.pack("<IQ", 8, 2) + struct.pack("<Q", 2) + b"ab" + struct.pack("<Q", 0)
    scores = struct.pack("<IQ", 6, 3) + bytes(12)
    kinds = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
    plain: list[Key] = [(f"k{kind}", kind, bytes(size)) for kind, size in kinds.items()]
    keys = [ARCHITECTURE, ("words", 9, words), ("scores", 9, scores), *plain, *TEXT_KEYS]
    path.write_bytes(file(keys))
    assert [name for name, _ in Checkpoint(path).tensors()] == ["x"]


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "ends within"),
        (b"GGU", "ends within"),
        (b"<html>Too many requests</html>", "no GGUF file"),
        (file(start=b"GGUF\1\0\0\0"), "version 1"),
        (file(start=b"GGUF\0\0\0\3"), "little-endian"),
        (file(counts=(2**60, 3)), "claims"),
        (file(counts=(1, 2**60)), "claims"),
        (file(counts=(1, 9)), "damaged"),
        (file([]), "names no architecture"),
        (file([string("general.architecture", b"llama")]), "'llama'"),
        (file([("general.architecture", 4, bytes(4))]), "holds a '0' model"),
        (file([ARCHITECTURE]), "config.json"),
        (file([ARCHITECTURE, ("k", 8, struct.pack("<Q", 2**63)), *TEXT_KEYS]), "ends within"),
        (file([ARCHITECTURE, ("k", 99, b""), *TEXT_KEYS]), "type 99"),
        (file([ARCHITECTURE, ("k", 9, struct.pack("<IQ", 0, 2**62)), *TEXT_KEYS]), "ends within"),
        (file([ARCHITECTURE, ("k", 9, struct.pack("<IQ", 8, 2**62)), *TEXT_KEYS]), "ends within"),
        (file([ARCHITECTURE, ("k", 9, struct.pack("<IQ", 9, 2**62)), *TEXT_KEYS]), "type 9"),
        (file([ARCHITECTURE, string("k", b"\xff\xfe"), *TEXT_KEYS]), "damaged"),
        (file([ARCHITECTURE, ("general.alignment", 4, bytes(4)), *TEXT_KEYS]), "alignment"),
        (file([ARCHITECTURE, ("general.alignment", 4, b"\3\0\0\0"), *TEXT_KEYS]), "alignment"),
        (file([ARCHITECTURE, string("general.alignment", b"32"), *TEXT_KEYS]), "alignment"),
        (file(tensors=[tensor("x", [2**62, 2**62])]), "bytes are there"),
        (file(tensors=[tensor("x", [4], offset=2**63)]), "bytes are there"),
        (file(tensors=[tensor("x", [4], offset=252)]), "bytes are there"),
        (file(tensors=[tensor("x", [0, 2**62])]), "shape"),
        (file(tensors=[tensor("x", [1] * 5)]), "5 dimensions"),
        (file(tensors=[tensor("x", [33], kind=8)]), "in Q8_0"),
        (file(tensors=[tensor("x", [256], kind=17)]), "ggml's type 17"),
        (file(tensors=[tensor("x", [4]), tensor("x", [4])]), "one name"),
        (file(tensors=[tensor("x", [4])], data=bytes(15)), "bytes are there"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(path: Path, content: bytes, part: str) -> None:
    assert part in refusal(path, content)


def test_a_config_that_is_none(path: Path) -> None:
    for text in (b"[]", b"{", b"[" * 100_000):
        keys = [ARCHITECTURE, string(TEXTS["config.json"], text), TEXT_KEYS[1]]
        path.write_bytes(file(keys))
        with pytest.raises(EngineUnavailable, match=r"x\.gguf"):
            config.read(path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file of ours with few tensors, of different kinds."""
    path = tmp_path_factory.mktemp("whole") / "x.gguf"
    writer = gguf.GGUFWriter(path, "musicgen")
    for key in TEXTS.values():
        writer.add_string(key, '{"a": 1}')
    writer.add_array("list", ["a", "b"])
    weights = np.linspace(-1, 1, 2 * 256, dtype=np.float32).reshape(2, 256)
    for name, kind in (("a", 0), ("b", 1), ("c", 2), ("d", 8)):
        stored = gguf.GGMLQuantizationType(kind)
        writer.add_tensor(name, gguf.quantize(weights, stored), raw_dtype=stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path.read_bytes()


def outcome(path: Path, content: bytes) -> None:
    """Read all of it: tensors or EngineUnavailable, soon, in little memory."""
    path.write_bytes(content)
    begun_s = time.process_time()
    tracemalloc.start()
    with suppress(EngineUnavailable):
        list(Checkpoint(path).tensors())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000
    assert time.process_time() - begun_s < 10  # far beyond any machine's slowness: a hang


@given(data=st.data())
def test_flipped_bits_and_cuts(
    data: st.DataObject, whole: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    spoilt = bytearray(whole)
    where = st.integers(0, len(whole) - 1)
    for place in data.draw(st.lists(where, min_size=1, max_size=8)):
        spoilt[place] ^= data.draw(st.integers(1, 255))
    end = data.draw(st.one_of(st.just(len(whole)), where))
    outcome(tmp_path_factory.mktemp("spoilt") / "x.gguf", bytes(spoilt[:end]))


def test_every_length_that_a_cut_can_leave(whole: bytes, path: Path) -> None:
    for end in range(0, len(whole) - 32, 7):
        refusal(path, whole[:end])


def test_every_number_in_the_header_may_be_huge(whole: bytes, path: Path) -> None:
    header = whole.index(b"a\2\0\0\0")  # the first tensor's name
    for at in range(4, header + 150):
        spoilt = whole[:at] + b"\xff" * 8 + whole[at + 8 :]
        outcome(path, spoilt)
