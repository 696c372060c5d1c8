"""Prompts: read by the text encoder once each, blended by weight.

A blend is mixed in embedding space, as Magenta RealTime mixes its prompts (a weighted mean of
their embeddings; Lyria Team, "Live Music Models", 2025) and Stable Diffusion's prompt blending
does it with sequences of states: token position by token position, the weighted mean of the T5
states of those prompts that have a token there. A position that only some of the prompts have
counts by these prompts' share (its attention score is lowered by the logarithm of it), so that a
prompt whose weight goes to zero vanishes without a step, and a blend of one prompt is that
prompt. An empty prompt has no states: its share turns down what the others say.

What is mixed are the keys and values that cross-attention makes of the states. They have no
biases, so this is the same, and a new mix costs no pass through the encoder.

Threading: the runner's thread only.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import EngineUnavailable
from engine.musicgen.decoder import TextKv
from engine.musicgen.models.config import ModelConfig
from engine.musicgen.models.gguf_file import folder_of

_REMEMBERED = 64
"""Prompts: more than a set has pads, a few MB each for `small`."""
_MOST_TOKENS = 256
"""Of one prompt; MusicGen was trained on descriptions of a sentence or two."""

Blend = Mapping[str, float]
"""Texts and their shares, which sum to 1. An empty text is the share that nobody speaks for."""


class Tokenizer:
    """Texts to T5's tokens. Raises EngineUnavailable if its files cannot be read."""

    def __init__(self, folder: Path, config: Any) -> None:
        """`folder` is a checkpoint's folder or a GGUF file, `config` its `T5Config`."""
        from transformers import AutoTokenizer

        try:
            with folder_of(folder) as files:
                self._tokenizer: Any = AutoTokenizer.from_pretrained(
                    files,
                    config=config,
                    local_files_only=True,
                    trust_remote_code=False,  # and nobody is asked whether to
                )
        except Exception as error:  # whatever a damaged file makes of it
            reason = " ".join(str(error).split())[:120]
            raise EngineUnavailable(
                f"the tokenizer in {folder} cannot be read ({reason}): fetch the model again"
            ) from None

    def __call__(self, text: str) -> list[int]:
        """The closing `</s>` among them."""
        tokens: list[int] = self._tokenizer(text, truncation=True, max_length=_MOST_TOKENS)[
            "input_ids"
        ]
        return tokens

    def save(self, path: Path) -> None:
        """As it is here, for `read_words`."""
        self._tokenizer.backend_tokenizer.save(str(path))


def read_words(path: Path) -> Callable[[str], list[int]]:
    """What `Tokenizer.save` wrote, without transformers, whose import takes most of a second.

    Raises EngineUnavailable."""
    from tokenizers import Tokenizer as Words

    try:
        words = Words.from_file(str(path))
    except Exception as error:  # it has no kinds of its own
        raise EngineUnavailable(f"{path} cannot be read ({error}): remove it") from None
    words.enable_truncation(_MOST_TOKENS)
    return lambda text: list(words.encode(text).ids)


class TextEncoder(nn.Module):
    """T5 and the projection to the decoder's width. Create on `meta`, then `to_empty`."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        from transformers import T5Config, T5EncoderModel

        self.encoder: Any = T5EncoderModel(T5Config(**config.text))
        width, decoder = config.text_width, config.decoder
        self.projection = (
            nn.Linear(width, decoder.hidden_size) if decoder.projects_text(width) else None
        )
        self._tokenizer: Tokenizer | None = None

    def destinations(self) -> dict[str, Tensor]:
        """Where each tensor of a checkpoint goes, by its name there."""
        # One table under two names, which `to_empty` has torn apart.
        self.encoder.set_input_embeddings(self.encoder.get_input_embeddings())
        places = {
            f"text_encoder.{name}": tensor
            for name, tensor in self.encoder.state_dict().items()
            if name != "encoder.embed_tokens.weight"  # the same as `shared`
        }
        if self.projection is not None:
            places["enc_to_dec_proj.weight"] = self.projection.weight
            places["enc_to_dec_proj.bias"] = self.projection.bias
        return places

    def read_tokenizer(self, folder: Path) -> None:
        """Of a checkpoint's folder or a GGUF file. Raises EngineUnavailable."""
        self._tokenizer = Tokenizer(folder, self.encoder.config)

    def forward(self, text: str) -> Tensor:
        """States `[tokens, width]`, the closing `</s>` among them."""
        assert self._tokenizer is not None
        tokens = torch.tensor([self._tokenizer(text)], device=self.encoder.device)  # [1, tokens]
        states = self.encoder(input_ids=tokens).last_hidden_state[0]
        projected: Tensor = states if self.projection is None else self.projection(states)
        return projected


class Prompts:
    """Keys and values of prompts, remembered, and of their blends."""

    def __init__(self, read: Callable[[str], TextKv]) -> None:
        """`read` takes a text that is not empty through encoder and projections."""
        self._read = read
        self._known: OrderedDict[str, TextKv] = OrderedDict()

    def knows(self, text: str) -> bool:
        return not text or text in self._known

    def of(self, text: str) -> TextKv:
        known = self._known.get(text)
        if known is None:
            known = self._known[text] = self._read(text)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        self._known.move_to_end(text)
        return known

    def blend(self, shares: Blend) -> TextKv | None:
        """What cross-attention is to look at; None if nobody says anything."""
        spoken = {text: share for text, share in shares.items() if text and share > 0}
        if not spoken:
            return None
        if len(spoken) == 1 and sum(shares.values()) == sum(spoken.values()):
            return self.of(next(iter(spoken)))
        return _mixed([(self.of(text), share) for text, share in spoken.items()])


def _mixed(parts: list[tuple[TextKv, float]]) -> TextKv:
    """`parts` are keys and values with their shares, which sum to 1 or, with silence, to less."""
    longest = max(parts, key=lambda part: part[0].keys.shape[2])[0]
    keys, values = torch.zeros_like(longest.keys), torch.zeros_like(longest.values)
    cover = torch.zeros(keys.shape[2], device=keys.device, dtype=torch.float32)  # [tokens]
    for text, share in parts:
        n = text.keys.shape[2]
        keys[:, :, :n] += share * text.keys
        values[:, :, :n] += share * text.values
        cover[:n] += share
    spoken = sum(share for _, share in parts)
    mean = cover.to(keys.dtype)[:, None]  # [tokens, 1]
    bias = (cover / spoken).log().to(keys.dtype)
    return TextKv(keys / mean, values / mean * spoken, bias[None])
