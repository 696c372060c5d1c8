"""How a checkpoint of MusicGen is laid out in a GGUF file: keys, names, kinds of weights.

`docs/models.md` describes it for other programs. No torch here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.errors import EngineUnavailable

ARCHITECTURE = "musicgen"
TEXTS: Mapping[str, str] = {
    "config.json": "musicgen.config_json",
    "generation_config.json": "musicgen.generation_config_json",
    "preprocessor_config.json": "musicgen.preprocessor_config_json",
    "tokenizer.json": "tokenizer.huggingface.json",  # the name that GGUF itself gives it
    "tokenizer_config.json": "musicgen.tokenizer_config_json",
    "special_tokens_map.json": "musicgen.special_tokens_map_json",
}
"""The files of a checkpoint's folder that a GGUF file holds as strings, by their keys there."""
NEEDED = ("config.json", "tokenizer.json")

LONGEST_NAME = 63
"""Bytes of a tensor's name: ggml keeps 64, one of them the end."""
SHORT_WORDS: Mapping[str, str] = {
    "text_encoder": "te",
    "audio_encoder": "ae",
    "relative_attention_bias": "rel_attn_bias",
    "parametrizations": "pz",
}
"""What a name that is too long loses, between its dots, one after the other until it fits."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How a tensor is stored: blocks of so many weights in so many bytes."""

    name: str
    block: int
    block_bytes: int


KINDS: Mapping[int, Kind] = {
    0: Kind("F32", 1, 4),
    1: Kind("F16", 1, 2),
    2: Kind("Q4_0", 32, 18),
    3: Kind("Q4_1", 32, 20),
    6: Kind("Q5_0", 32, 22),
    7: Kind("Q5_1", 32, 24),
    8: Kind("Q8_0", 32, 34),
    12: Kind("Q4_K", 256, 144),
    13: Kind("Q5_K", 256, 176),
    14: Kind("Q6_K", 256, 210),
    30: Kind("BF16", 1, 2),
}
"""What can be read, by ggml's number."""


def short_name(name: str) -> str:
    """A tensor's name as GGUF has room for it. Raises EngineUnavailable if it has none."""
    parts = name.split(".")
    for word, short in SHORT_WORDS.items():
        if len(".".join(parts).encode()) <= LONGEST_NAME:
            break
        parts = [short if part == word else part for part in parts]
    shortened = ".".join(parts)
    if len(shortened.encode()) > LONGEST_NAME or long_name(shortened) != name:
        raise EngineUnavailable(
            f"the tensor {name} cannot be named in a GGUF file, which has room for "
            f"{LONGEST_NAME} bytes: use the folder as it is"
        )
    return shortened


def long_name(short: str) -> str:
    """What `short_name` made shorter."""
    words = {brief: word for word, brief in SHORT_WORDS.items()}
    return ".".join(words.get(part, part) for part in short.split("."))
