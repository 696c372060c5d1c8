"""The sizes of a checkpoint, from its own config.json.

The layout is transformers' `MusicgenConfig`: three parts named `text_encoder` (T5),
`audio_encoder` (EnCodec) and `decoder`. transformers leaves out of the file what equals its own
defaults, so those defaults are the defaults here (the same in 4.57 and 5.x; a test compares).

No torch here: sizes are asked for before anything is loaded.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar, cast

from engine.errors import BadValue, EngineUnavailable
from engine.musicgen.models import gguf_header

PRECISION_BYTES: Mapping[str, float] = {"fp32": 4, "fp16": 2, "bf16": 2, "int8": 1, "int4": 0.53}
"""Bytes of one weight, its share of a scale among them."""

USABLE = "facebook/musicgen-small, -medium, -large or -stereo-small, -stereo-medium, -stereo-large"
"""What an error offers instead."""


@dataclass(frozen=True, slots=True)
class DecoderConfig:
    """The transformer that makes the codes; field names are transformers'."""

    vocab_size: int = 2048
    """Codes in one codebook. The embeddings have one row more, for `pad_token_id`."""
    max_position_embeddings: int = 2048
    num_hidden_layers: int = 24
    ffn_dim: int = 4096
    num_attention_heads: int = 16
    activation_function: str = "gelu"
    hidden_size: int = 1024
    scale_embedding: bool = False
    num_codebooks: int = 4
    """Of all channels together: 4 mono, 8 stereo (left and right interleaved)."""
    audio_channels: int = 1
    pad_token_id: int = 2048
    bos_token_id: int = 2048
    decoder_start_token_id: int = 2048
    """What a stream begins with; a checkpoint that names none starts with `bos_token_id`."""
    cross_attention_hidden_size: int | None = None
    """None: the text states are projected to `hidden_size` where the widths differ."""

    @property
    def head_dim(self) -> int:
        return self.hidden_size // self.num_attention_heads

    def parameters(self, text_width: int) -> int:
        """Weights of the decoder and its heads, with the projection of text of that width."""
        h = self.hidden_size
        layer = 8 * h * h + 2 * h * self.ffn_dim + 3 * 2 * h
        tables = self.num_codebooks * h * (self.vocab_size + 1 + self.vocab_size)
        projection = h * (text_width + 1) if self.projects_text(text_width) else 0
        return self.num_hidden_layers * layer + tables + 2 * h + projection

    def projects_text(self, text_width: int) -> bool:
        """Whether the checkpoint has an `enc_to_dec_proj` (as transformers decides it)."""
        return text_width != self.hidden_size and self.cross_attention_hidden_size is None


@dataclass(frozen=True, slots=True)
class CodecConfig:
    """EnCodec; field names are transformers'."""

    target_bandwidths: tuple[float, ...] = (1.5, 3.0, 6.0, 12.0, 24.0)
    """kbit/s; the last one says how many codebooks there are."""
    sampling_rate: int = 24_000
    audio_channels: int = 1
    """1 in stereo checkpoints too: they decode left and right on their own."""
    normalize: bool = False
    chunk_length_s: float | None = None
    hidden_size: int = 128
    num_filters: int = 32
    num_residual_layers: int = 1
    upsampling_ratios: tuple[int, ...] = (8, 5, 4, 2)
    """In the decoder's order."""
    norm_type: str = "weight_norm"
    kernel_size: int = 7
    last_kernel_size: int = 7
    residual_kernel_size: int = 3
    dilation_growth_rate: int = 2
    use_causal_conv: bool = True
    pad_mode: str = "reflect"
    compress: int = 2
    num_lstm_layers: int = 2
    trim_right_ratio: float = 1.0
    codebook_size: int = 1024
    codebook_dim: int = 128
    """A checkpoint that names none has `hidden_size`."""
    use_conv_shortcut: bool = True

    @property
    def hop(self) -> int:
        """Samples per frame."""
        return math.prod(self.upsampling_ratios)

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        return self.sampling_rate / self.hop

    @property
    def num_codebooks(self) -> int:
        """Codebooks of one channel."""
        bits = math.ceil(self.frame_rate) * (self.codebook_size - 1).bit_length()
        return int(1000 * self.target_bandwidths[-1] // bits)

    def parameters(self) -> int:
        """Weights of encoder, decoder and codebooks, with the weight norm multiplied out."""
        widest = self.num_filters << len(self.upsampling_ratios)
        ends = (
            2 * self.audio_channels * self.num_filters * self.kernel_size
            + 2 * self.hidden_size * widest * self.last_kernel_size
        )
        lstm = self.num_lstm_layers * 8 * widest * (widest + 1)
        rungs = 0
        for place, ratio in enumerate(self.upsampling_ratios):
            wide = widest >> place
            rungs += wide * (wide // 2) * 2 * ratio + self._residual_parameters(wide // 2)
        books = self.num_codebooks * self.codebook_size * self.codebook_dim
        return ends + 2 * (lstm + rungs) + books

    def _residual_parameters(self, width: int) -> int:
        narrow = width // self.compress
        block = width * narrow * (self.residual_kernel_size + 1)
        return self.num_residual_layers * (block + self.use_conv_shortcut * width * width)


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """All three parts of a checkpoint."""

    decoder: DecoderConfig
    codec: CodecConfig
    text: Mapping[str, Any]
    """`text_encoder` as it stands in the file, for transformers' `T5Config`, plus the defaults of
    the sizes that are asked for here."""

    @property
    def text_width(self) -> int:
        """`d_model` of the text encoder."""
        return int(self.text["d_model"])

    def parameter_bytes(self, precision: str) -> int:
        """Bytes of the whole instrument: decoder and text at `precision` (the text in 8
        bits at least), the codec in fp32.

        Raises BadValue for a precision that is none of `PRECISION_BYTES`.
        """
        if precision not in PRECISION_BYTES:
            raise BadValue(f"precision {precision!r} is none of {', '.join(PRECISION_BYTES)}")
        size, text = PRECISION_BYTES[precision], _text_parameters(self.text)
        words = self.decoder.parameters(self.text_width)
        return round(words * size + text * max(1, size)) + self.codec.parameters() * 4


def read(folder: Path) -> ModelConfig:
    """The sizes of the checkpoint in `folder`, or in a GGUF file.

    Raises EngineUnavailable if its config.json is missing, damaged, or of another model.
    """
    inside = gguf_header.is_gguf(folder)
    path = folder if inside else folder / "config.json"
    try:
        text = _inside(folder) if inside else path.read_text(encoding="utf-8")
        raw = json.loads(text)
    except FileNotFoundError:
        raise EngineUnavailable(
            f"{folder} is no MusicGen checkpoint: it has no config.json; use {USABLE}"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        why = " ".join(str(error).split())
        raise EngineUnavailable(
            f"{path} cannot be read ({why}); download or copy the model again"
        ) from None
    return parse(raw, str(path))


def _inside(file: Path) -> str:
    return gguf_header.read(file).files()["config.json"]


def parse(raw: object, origin: str) -> ModelConfig:
    """The same from the parsed JSON; `origin` names it in errors (EngineUnavailable)."""
    whole = _table(raw, origin)
    _check_type(whole.get("model_type"), origin)
    parts = {
        name: _table(whole.get(name), f"{origin}: {name}")
        for name in ("text_encoder", "audio_encoder", "decoder")
    }
    for name, kind in (("text_encoder", "t5"), ("audio_encoder", "encodec")):
        found = parts[name].get("model_type", kind)
        if found != kind:
            raise EngineUnavailable(
                f"{origin}: its {name} is {found!r}, not {kind!r}; use {USABLE}"
            )
    decoder = _decoder(parts["decoder"], whole, origin)
    config = ModelConfig(decoder, _codec(parts["audio_encoder"], origin), _text(parts, origin))
    _check(config, origin)
    return config


def _check_type(found: object, origin: str) -> None:
    if found == "musicgen":
        return
    if found == "musicgen_melody":
        raise EngineUnavailable(
            f"{origin}: a melody model ({found}) cannot be played yet; use {USABLE}"
        )
    what = "names no model_type" if found is None else f"is a {found!r} model"
    raise EngineUnavailable(f"{origin}: it {what}, not 'musicgen'; use {USABLE}")


def _decoder(raw: dict[str, Any], whole: dict[str, Any], origin: str) -> DecoderConfig:
    named = [table.get("decoder_start_token_id") for table in (raw, whole)]
    begin = [*(token for token in named if token is not None), raw.get("bos_token_id", 2048)][0]
    return _fill(DecoderConfig, raw | {"decoder_start_token_id": begin}, f"{origin}: decoder")


def _codec(raw: dict[str, Any], origin: str) -> CodecConfig:
    if raw.get("codebook_dim") is None:
        raw = raw | {"codebook_dim": raw.get("hidden_size", CodecConfig().hidden_size)}
    return _fill(CodecConfig, raw, f"{origin}: audio_encoder")


_TEXT_DEFAULTS: Mapping[str, Any] = {
    "vocab_size": 32128,
    "d_model": 512,
    "d_kv": 64,
    "d_ff": 2048,
    "num_layers": 6,
    "num_heads": 8,
    "relative_attention_num_buckets": 32,
    "relative_attention_max_distance": 128,
    "layer_norm_epsilon": 1e-6,
    "feed_forward_proj": "relu",
}


def _text(parts: Mapping[str, dict[str, Any]], origin: str) -> Mapping[str, Any]:
    text = dict(_TEXT_DEFAULTS) | parts["text_encoder"]
    for name, default in _TEXT_DEFAULTS.items():
        text[name] = _value(text[name], default, f"{origin}: text_encoder: {name}")
    return text


def _text_parameters(text: Mapping[str, Any]) -> int:
    """Weights of a T5 encoder."""
    d, inner = text["d_model"], text["d_kv"] * text["num_heads"]
    gates = 3 if str(text["feed_forward_proj"]).startswith("gated") else 2
    layer = 4 * d * inner + gates * d * text["d_ff"] + 2 * d
    bias = text["relative_attention_num_buckets"] * text["num_heads"]
    return int(text["vocab_size"] * d + text["num_layers"] * layer + bias + d)


_T = TypeVar("_T", DecoderConfig, CodecConfig)


def _fill(kind: type[_T], raw: Mapping[str, Any], where: str) -> _T:
    """A config whose missing keys have their defaults."""
    values: dict[str, Any] = {}
    for part in fields(kind):
        given = raw.get(part.name, part.default)
        values[part.name] = _value(given, part.default, f"{where}: {part.name}")
    return kind(**values)


def _value(given: object, default: object, where: str) -> object:
    """`given`, if it is of the kind of `default`."""
    if isinstance(default, tuple):
        if isinstance(given, list | tuple) and given:
            return tuple(_value(item, default[0], where) for item in given)
    elif default is None:
        if given is None or (isinstance(given, int | float) and not isinstance(given, bool)):
            return given
    elif isinstance(default, float):
        if isinstance(given, int | float) and not isinstance(given, bool) and given >= 0:
            return float(given)
    elif type(given) is type(default) and not (isinstance(given, int) and given < 0):
        return given
    raise EngineUnavailable(
        f"{where} is {given!r}, which is no such value as {default!r}; "
        "download or copy the model again"
    )


def _check(config: ModelConfig, origin: str) -> None:
    """What this engine relies on, in sizes that agree with each other."""
    decoder, codec = config.decoder, config.codec
    wrong = None
    if decoder.audio_channels not in (1, 2):
        wrong = f"{decoder.audio_channels} audio channels, not 1 or 2"
    elif min(decoder.hidden_size, decoder.num_attention_heads, decoder.num_codebooks) < 1:
        wrong = "a decoder of size 0"
    elif decoder.hidden_size % (2 * decoder.num_attention_heads):
        wrong = f"width {decoder.hidden_size} for {decoder.num_attention_heads} attention heads"
    elif min(codec.codebook_size - 1, codec.sampling_rate, *codec.upsampling_ratios) < 1:
        wrong = "a codec of size 0"
    elif decoder.vocab_size > codec.codebook_size:
        wrong = f"{decoder.vocab_size} codes for a codec of {codec.codebook_size}"
    elif decoder.num_codebooks > decoder.audio_channels * codec.num_codebooks:
        wrong = f"{decoder.num_codebooks} codebooks for a codec of {codec.num_codebooks}"
    elif codec.normalize or codec.chunk_length_s is not None:
        wrong = "a codec that cannot be streamed (normalize or chunk_length_s is set)"
    if wrong:
        raise EngineUnavailable(f"{origin}: it has {wrong}; use {USABLE}")


def _table(raw: object, where: str) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise EngineUnavailable(
            f"{where} is missing or no JSON object; download or copy the model again"
        )
    return cast(dict[str, Any], raw)
