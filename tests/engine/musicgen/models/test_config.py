from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from engine.errors import BadValue, EngineUnavailable
from engine.musicgen.models import config, published


def change(*keys: str, to: object) -> dict[str, Any]:
    raw = published.raw("small")
    table = raw
    for key in keys[:-1]:
        table = table[key]
    table[keys[-1]] = to
    return raw


def refusal(raw: object) -> str:
    with pytest.raises(EngineUnavailable) as caught:
        config.parse(raw, "here")
    said = str(caught.value)
    assert "\n" not in said
    assert said.startswith("here")
    return said


def test_defaults_are_those_of_transformers() -> None:
    bare = config.parse(
        {"model_type": "musicgen", "text_encoder": {}, "audio_encoder": {}, "decoder": {}}
        | {"audio_encoder": {"codebook_size": 2048}},
        "here",
    )
    theirs: Any = transformers.MusicgenDecoderConfig()
    for part in fields(config.DecoderConfig):
        if part.name != "decoder_start_token_id":
            assert getattr(bare.decoder, part.name) == getattr(theirs, part.name), part.name
    codec: Any = transformers.EncodecConfig(codebook_size=2048)
    for part in fields(config.CodecConfig):
        default = getattr(codec, part.name)
        default = tuple(default) if isinstance(default, list) else default
        assert getattr(bare.codec, part.name) == default, part.name
    assert bare.codec.hop == codec.hop_length
    assert bare.codec.num_codebooks == codec.num_quantizers
    text: Any = transformers.T5Config()
    for name in config._TEXT_DEFAULTS:
        assert bare.text[name] == getattr(text, name), name


@pytest.mark.parametrize("size", published.SIZES)
@pytest.mark.parametrize("channels", [1, 2])
def test_counts_every_weight(size: str, channels: int) -> None:
    raw = published.raw(size, channels)
    parts = {name: raw[name] for name in ("text_encoder", "audio_encoder", "decoder")}
    with torch.device("meta"):
        model: Any = transformers.MusicgenForConditionalGeneration(
            transformers.MusicgenConfig(**parts)
        )
    of = {name: sum(p.numel() for p in part.parameters()) for name, part in model.named_children()}
    ours = config.parse(raw, "here")
    decoder = of["decoder"] + of.get("enc_to_dec_proj", 0)
    assert ours.decoder.parameters(ours.text_width) == decoder
    for precision, size_bytes in (("fp32", 4), ("fp16", 2), ("bf16", 2)):
        theirs = (decoder + of["text_encoder"]) * size_bytes + of["audio_encoder"] * 4
        assert ours.parameter_bytes(precision) == pytest.approx(theirs, rel=0.005)
        assert published.parameter_bytes(size, precision, channels) == ours.parameter_bytes(
            precision
        )


def test_the_published_codec() -> None:
    codec = config.parse(published.raw("small"), "here").codec
    assert (codec.hop, codec.frame_rate, codec.num_codebooks) == (640, 50.0, 4)


def test_a_precision_that_is_none() -> None:
    with pytest.raises(BadValue, match=r"'fp8' is none of fp32, fp16, bf16"):
        config.parse(published.raw("small"), "here").parameter_bytes("fp8")
    with pytest.raises(BadValue, match=r"'tiny' is none of small, medium, large"):
        published.parameter_bytes("tiny", "fp16")


@pytest.mark.parametrize("channels", [1, 2])
def test_reads_the_checkpoints_own_sizes(tiny_mono: Path, tiny_stereo: Path, channels: int) -> None:
    folder = tiny_mono if channels == 1 else tiny_stereo
    read = config.read(folder)
    theirs: Any = transformers.AutoConfig.from_pretrained(folder)
    assert read.decoder.hidden_size == theirs.decoder.hidden_size == 32
    assert read.decoder.num_codebooks == theirs.decoder.num_codebooks == 4 * channels
    assert read.decoder.audio_channels == channels
    assert read.text_width == theirs.text_encoder.d_model == 24
    assert read.codec.upsampling_ratios == tuple(theirs.audio_encoder.upsampling_ratios)


def test_the_start_token() -> None:
    start = "decoder_start_token_id"
    assert config.parse(published.raw("small"), "here").decoder.decoder_start_token_id == 2048
    assert config.parse(change(start, to=7), "here").decoder.decoder_start_token_id == 7
    raw = change("decoder", start, to=0)
    assert config.parse(raw, "here").decoder.decoder_start_token_id == 0
    assert config.parse(change("decoder", start, to=None), "here").decoder.decoder_start_token_id


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (change("model_type", to="musicgen_melody"), "melody"),
        (change("model_type", to="llama"), "'llama'"),
        (change("model_type", to=None), "no model_type"),
        (change("text_encoder", "model_type", to="bert"), "'bert'"),
        (change("audio_encoder", "model_type", to="dac"), "'dac'"),
        (change("audio_encoder", to=None), "audio_encoder"),
        (change("decoder", "hidden_size", to="1024"), "hidden_size is '1024'"),
        (change("decoder", "hidden_size", to=-1), "hidden_size is -1"),
        (change("decoder", "hidden_size", to=True), "hidden_size is True"),
        (change("decoder", "hidden_size", to=1000), "width 1000 for 16 attention heads"),
        (change("decoder", "num_attention_heads", to=0), "size 0"),
        (change("decoder", "vocab_size", to=4096), "4096 codes"),
        (change("decoder", "num_codebooks", to=8), "8 codebooks"),
        (change("decoder", "audio_channels", to=3), "3 audio channels"),
        (change("audio_encoder", "upsampling_ratios", to=[8, "5"]), "upsampling_ratios"),
        (change("audio_encoder", "upsampling_ratios", to=[]), "upsampling_ratios"),
        (change("audio_encoder", "codebook_size", to=0), "size 0"),
        (change("audio_encoder", "chunk_length_s", to=1.0), "cannot be streamed"),
        (change("text_encoder", "d_model", to=None), "d_model"),
        ([], "no JSON object"),
    ],
)
def test_foreign_and_damaged(raw: object, words: str) -> None:
    assert words in refusal(raw)


@pytest.mark.parametrize(
    ("content", "words"), [(None, "no config.json"), (b"{", "cannot be read"), (b"\xff", "again")]
)
def test_files_that_cannot_be_read(tmp_path: Path, content: bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(EngineUnavailable, match=words) as caught:
        config.read(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_reading_sizes_imports_no_torch(tiny_mono: Path) -> None:
    script = "import sys; from pathlib import Path;"
    script += "from engine.musicgen.models import config, published;"
    script += "print(json.dumps(config.read(Path(sys.argv[1])).codec.hop),"
    script += "sorted({'torch', 'transformers'} & {*sys.modules}))"
    answer = subprocess.run(
        [sys.executable, "-c", "import json;" + script, str(tiny_mono)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.split("\n")[0] == f"{json.dumps(640)} []"
