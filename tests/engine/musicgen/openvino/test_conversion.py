"""Checkpoints in few bits, and the folder they are kept in."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from transformers import T5Config

from engine.errors import EngineUnavailable
from engine.musicgen.decoder import Decoder
from engine.musicgen.models import config as configs
from engine.musicgen.models import convert
from engine.musicgen.models.checkpoint import Checkpoint
from engine.musicgen.openvino import cache, conversion
from engine.musicgen.openvino.conversion import converted
from engine.musicgen.openvino.matrices import Array, restored
from engine.musicgen.openvino.store import Store
from engine.musicgen.openvino.weights import codec
from engine.musicgen.text import Tokenizer, read_words

ROOT = Path(__file__).parents[4]
TEXTS = (
    "",
    " ",
    "lofi hip hop, 120 bpm",
    "  two  spaces\nand a line\t",
    "na\u00efve caf\u00e9 A\u0301 \ufb01 \u2460 \u201cquoted\u201d \u2014 \u2026",
    "\u65e5\u672c\u8a9e \U0001f3b9",
    "\u200bnothing\ufeff\x00",
    "<extra_id_0> with </s> and <pad> inside",
    "lofi hip hop " * 300,
)


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where conversions go."""
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    return tmp_path / "sideman" / "openvino"


@pytest.fixture
def source(tiny_mono: Path, tmp_path: Path) -> Path:
    """A checkpoint of one's own."""
    return Path(shutil.copytree(tiny_mono, tmp_path / "model"))


def quiet(line: str) -> None:
    raise AssertionError(line)


def conversions(kept: Path) -> list[str]:
    return sorted(path.name for path in kept.iterdir() if path.name != "hashes.json")


def arrays(folder: Path) -> dict[str, Array]:
    with safe_open(folder / cache.WEIGHTS, "np") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def refuse_to_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a file was read")

    monkeypatch.setattr(hashlib, "file_digest", refuse)


def child(kept: Path, code: str, *arguments: str) -> subprocess.Popen[str]:
    """A process of its own with the same cache, that stops before a file is complete."""
    begin = """
        import sys, platformdirs
        from pathlib import Path
        platformdirs.user_cache_path = lambda name: Path(sys.argv[1])
        from engine.musicgen.openvino import writer
        finish = writer.Writer.finish

        def stop(self):
            print("nearly", flush=True)
            sys.stdin.readline()
            finish(self)

        writer.Writer.finish = stop
        from engine.musicgen.openvino import conversion
    """
    whole = textwrap.dedent(begin) + textwrap.dedent(code)
    return subprocess.Popen(
        [sys.executable, "-c", whole, str(kept.parent), *arguments],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


CONVERT = "print(conversion.converted(Path(sys.argv[2]), 'int8', lambda line: None))"


class TestWhatIsKept:
    @pytest.mark.parametrize(("precision", "most"), [("int8", 0.01), ("int4", 0.15)])
    def test_the_decoder_as_far_as_its_bits_go(
        self, precision: conversion.Precision, most: float, source: Path
    ) -> None:
        store = Store(converted(source, precision, lambda line: None) / cache.WEIGHTS)
        decoder = Decoder(configs.read(source).decoder)
        Checkpoint(source).copy_into(decoder.destinations())
        for name, expected in decoder.state_dict().items():
            short = f"decoder.{name}".removesuffix(".weight")
            if "norm" in name:
                short, found = f"decoder.{name}", store.array(f"decoder.{name}")
            elif name.startswith("embeddings"):
                found = store.array(short).astype(np.float32)
            else:
                found = restored(
                    lambda end, short=short: (  # type: ignore[misc]
                        store.array(short + end) if short + end in store else None
                    )
                )
            off = torch.from_numpy(found) - expected
            assert off.norm() <= most * expected.norm(), name

    def test_only_what_every_step_reads_is_in_4_bits(self, source: Path) -> None:
        names = arrays(converted(source, "int4", lambda line: None)).keys()
        in_4_bits = {name.removesuffix(".u4") for name in names if name.endswith(".u4")}
        parts = ("qkv", "self_out", "text_q", "text_out", "ffn_in", "ffn_out")
        assert in_4_bits == {f"decoder.layers.{i}.{part}" for i in range(2) for part in parts}

    def test_the_audio_encoder_to_the_last_bit(self, source: Path) -> None:
        found = arrays(converted(source, "int8", lambda line: None))
        _, encoder = codec(Checkpoint(source), configs.read(source))
        for name, tensor in encoder.state_dict().items():
            assert np.array_equal(found[f"audio_encoder.{name}"], tensor.numpy()), name

    def test_all_else_that_loading_needs(self, source: Path) -> None:
        (source / "README.md").write_text("long")
        found = converted(source, "int8", lambda line: None)
        assert configs.read(found) == configs.read(source)
        assert Tokenizer(found, None)("lofi hip hop") == Tokenizer(source, None)("lofi hip hop")
        assert (found / "generation_config.json").is_file()
        assert not (found / "README.md").exists()

    @pytest.mark.parametrize("kind", ["PreTrainedTokenizerFast", "T5Tokenizer"])
    def test_a_tokenizer_that_needs_no_transformers(self, kind: str, source: Path) -> None:
        settings = json.loads((source / "tokenizer_config.json").read_text())
        settings["tokenizer_class"] = kind  # the one has its pieces from the file, not its rules
        (source / "tokenizer_config.json").write_text(json.dumps(settings))
        theirs = Tokenizer(source, T5Config(**configs.read(source).text))
        ours = read_words(converted(source, "int8", lambda line: None) / cache.TOKENIZER)
        for text in TEXTS:
            assert ours(text) == theirs(text), text
        assert len(ours(TEXTS[-1])) == 256
        assert ours(TEXTS[-1])[-1] == ours("")[-1]

    def test_a_damaged_tokenizer_is_named(self, source: Path) -> None:
        path = converted(source, "int8", lambda line: None) / cache.TOKENIZER
        path.write_text("{")
        with pytest.raises(EngineUnavailable, match=r"tokenizer.json cannot be read .*remove it"):
            read_words(path)

    def test_a_file_that_the_safetensors_library_reads_and_a_store_maps(self, source: Path) -> None:
        folder = converted(source, "int4", lambda line: None)
        store = Store(folder / cache.WEIGHTS)
        for name, array in arrays(folder).items():
            mapped = store.array(name)
            assert mapped.dtype == array.dtype
            assert np.array_equal(mapped, array), name
            assert name.startswith("fill.") or mapped.ctypes.data % 64 == 0, name

    def test_a_gguf_file_gives_the_same(self, source: Path, tmp_path: Path) -> None:
        file = convert.convert("me/mine", source, tmp_path / "x.gguf", "f32").path
        one, other = (converted(path, "int4", lambda line: None) for path in (source, file))
        assert one != other
        expected = arrays(one)
        assert all(np.array_equal(expected[n], array) for n, array in arrays(other).items())
        assert configs.read(other) == configs.read(source)
        assert Tokenizer(other, None)("lofi") == Tokenizer(source, None)("lofi")


class TestFindingItAgain:
    def test_it_is_announced_once_and_found_without_reading(
        self, source: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert cache.find(source, "int8") is None
        said: list[str] = []
        made = converted(source, "int8", said.append)
        (line,) = said
        assert "8 bits, once: some 1 s" in line
        assert str(kept) in line
        refuse_to_hash(monkeypatch)
        assert cache.find(source, "int8") == made
        assert converted(source, "int8", quiet) == made
        assert cache.find(source, "int4") is None

    def test_finding_needs_no_torch(self, source: Path, kept: Path) -> None:
        made = converted(source, "int8", lambda line: None)
        code = """
            import sys, platformdirs
            from pathlib import Path
            platformdirs.user_cache_path = lambda name: Path(sys.argv[1])
            from engine.musicgen.openvino import cache
            print(cache.find(Path(sys.argv[2]), "int8"), "torch" in sys.modules)
        """
        said = subprocess.check_output(
            [sys.executable, "-c", textwrap.dedent(code), str(kept.parent), str(source)],
            cwd=ROOT, text=True,
        )  # fmt: skip
        assert said.strip() == f"{made} False"

    def test_a_copy_has_the_conversion_of_its_original(self, source: Path, tmp_path: Path) -> None:
        made = converted(source, "int8", lambda line: None)
        copy = Path(shutil.copytree(source, tmp_path / "copy"))
        assert converted(copy, "int8", quiet) == made
        assert cache.find(copy, "int8") == made

    @pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
    def test_a_changed_file_makes_another(self, name: str, source: Path) -> None:
        made = converted(source, "int8", lambda line: None)
        content = bytearray((source / name).read_bytes())
        at = content.rindex(b"}") if name != "model.safetensors" else len(content) - 1
        content[at:at] = b" "
        del content[-1 if name == "model.safetensors" else len(content) :]
        (source / name).write_bytes(content)
        os.utime(source / name, ns=(1, 1))
        assert cache.find(source, "int8") is None
        assert converted(source, "int8", lambda line: None) != made

    def test_the_hub_has_hashed_its_files_already(
        self, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        blob = tmp_path / "blobs" / ("0" * 64)
        blob.parent.mkdir()
        (source / "model.safetensors").rename(blob)
        try:
            (source / "model.safetensors").symlink_to(blob)
        except OSError:
            pytest.skip("no links here")
        seen: list[str] = []
        real = hashlib.file_digest

        def hashed(file: BufferedReader, kind: str) -> Any:
            seen.append(file.name)
            return real(file, kind)

        monkeypatch.setattr(hashlib, "file_digest", hashed)
        made = converted(source, "int8", lambda line: None)
        assert not any("blobs" in name for name in seen)
        assert cache.find(source, "int8") == made

    def test_what_is_remembered_may_be_lost(self, source: Path, kept: Path) -> None:
        made = converted(source, "int8", lambda line: None)
        for damaged in ("", "[]", json.dumps({str(source / "config.json"): 7}), "{"):
            (kept / "hashes.json").write_text(damaged)
            assert cache.find(source, "int8") is None
            assert converted(source, "int8", quiet) == made
            assert cache.find(source, "int8") == made

    def test_what_another_version_made_is_removed(
        self, source: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cache, "FORMAT", 0)
        other = converted(source, "int4", lambda line: None)
        converted(source, "int8", lambda line: None)
        monkeypatch.undo()
        monkeypatch.setattr("platformdirs.user_cache_path", lambda name: kept.parent)
        made = converted(source, "int8", lambda line: None)
        assert conversions(kept) == sorted([other.name, made.name])


class TestWhatGoesWrong:
    @pytest.mark.skipif(sys.platform == "win32", reason="kills with a signal")
    def test_one_that_is_killed_leaves_nothing_that_counts(self, source: Path, kept: Path) -> None:
        with child(kept, CONVERT, str(source)) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "nearly\n"
            assert len(conversions(kept)) == 1
            process.kill()
        assert len(conversions(kept)) == 1
        assert cache.find(source, "int8") is None
        made = converted(source, "int8", lambda line: None)
        assert conversions(kept) == [made.name]

    def test_two_at_once_agree(self, source: Path, kept: Path) -> None:
        with child(kept, CONVERT, str(source)) as one, child(kept, CONVERT, str(source)) as other:
            for process in (one, other):
                assert process.stdout is not None
                assert process.stdout.readline() == "nearly\n"
            assert len(conversions(kept)) == 2
            said = one.communicate("\n")[0]
            made = cache.find(source, "int8")
            assert made is not None
            first = (made / cache.WEIGHTS).stat()
            assert said == other.communicate("\n")[0] == f"{made}\n"
        assert conversions(kept) == [made.name]
        assert os.path.samestat((made / cache.WEIGHTS).stat(), first)
        assert Store(made / cache.WEIGHTS).array("decoder.norm.weight").any()

    @pytest.mark.parametrize("cut", [lambda size: 3, lambda size: size // 2, lambda size: 0])
    def test_one_that_is_cut_off_is_made_anew(
        self, cut: Callable[[int], int], source: Path, kept: Path
    ) -> None:
        made = converted(source, "int8", lambda line: None)
        whole = (made / cache.WEIGHTS).read_bytes()
        os.truncate(made / cache.WEIGHTS, cut(len(whole)))
        assert cache.find(source, "int8") is None
        assert converted(source, "int8", lambda line: None) == made
        assert (made / cache.WEIGHTS).read_bytes() == whole
        assert conversions(kept) == [made.name]

    def test_a_full_disk_is_seen_beforehand(
        self, source: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000_000))
        with pytest.raises(EngineUnavailable, match=r"GB free: make room.*bf16") as caught:
            converted(source, "int8", lambda line: None)
        assert "\n" not in str(caught.value)
        assert conversions(kept) == []

    def test_a_cache_that_cannot_be_written(self, source: Path, kept: Path) -> None:
        kept.parent.write_bytes(b"a file")
        with pytest.raises(EngineUnavailable, match="cannot be kept in"):
            converted(source, "int8", lambda line: None)

    def test_a_tensor_of_another_shape(self, source: Path, kept: Path) -> None:
        raw = json.loads((source / "config.json").read_text())
        raw["decoder"]["ffn_dim"] *= 2
        (source / "config.json").write_text(json.dumps(raw))
        with pytest.raises(EngineUnavailable, match="do not belong to its config"):
            converted(source, "int8", quiet)
        assert not kept.exists()

    def test_a_codec_that_lacks_a_tensor(self, source: Path, kept: Path) -> None:
        from safetensors.torch import save_file

        name = "audio_encoder.quantizer.layers.0.codebook.embed"
        tensors = {n: t.clone() for n, t in Checkpoint(source).tensors() if n != name}
        save_file(tensors, source / "model.safetensors")
        with pytest.raises(EngineUnavailable, match=f"lacks {name}"):
            converted(source, "int8", lambda line: None)
        assert conversions(kept) == []

    def test_no_weights(self, source: Path) -> None:
        (source / "model.safetensors").unlink()
        assert cache.find(source, "int8") is None
        with pytest.raises(EngineUnavailable, match="lacks weights"):
            converted(source, "int8", quiet)


def test_a_long_one_says_how_far_it_is(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion, "_TELL_EVERY_S", 0.0)
    said: list[str] = []
    converted(source, "int8", said.append)
    shares = [int(line.split()[0]) for line in said[1:]]
    assert shares == sorted(shares)
    assert 50 < shares[-1] < 100
