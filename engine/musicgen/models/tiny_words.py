"""The tokenizer of the checkpoints with random weights: some words of music, else letters."""

from __future__ import annotations

import json
import string
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

_SPECIAL = ("<pad>", "</s>", "<unk>")
"""At T5's places: 0, 1 and 2."""
_WORDS = """
    techno house ambient jazz funk rock pop blues reggae dub disco trance metal folk soul trap
    electronic classical orchestral cinematic lo fi lofi hip hop drum and bass drums guitar piano
    strings synth pad lead violin cello flute sax saxophone trumpet brass organ choir bells vocal
    kick snare hat clap fast slow dark bright warm soft loud happy sad calm dreamy driving groovy
    energetic minor major bpm beat loop solo with a the of in to
""".split()
_LETTERS = string.ascii_letters + string.digits + string.punctuation
_WORD_SCORE, _LETTER_SCORE = -5.0, -10.0
"""Log likelihoods: a word beats its letters."""

PIECES: tuple[tuple[str, float], ...] = (
    *((name, 0.0) for name in _SPECIAL),
    ("▁", _LETTER_SCORE),
    *((f"▁{word}", _WORD_SCORE) for word in _WORDS),
    *((letter, _LETTER_SCORE) for letter in _LETTERS),
)
SIZE = len(PIECES)


def write(folder: Path) -> None:
    """tokenizer.json and tokenizer_config.json, for transformers' `AutoTokenizer`.

    As T5's: every text ends with `</s>`, and `<pad>` is 0.
    """
    words = Tokenizer(models.Unigram(list(PIECES), unk_id=_SPECIAL.index("<unk>")))
    words.normalizer = normalizers.NFKC()
    words.pre_tokenizer = pre_tokenizers.Metaspace()
    words.decoder = decoders.Metaspace()
    words.add_special_tokens(list(_SPECIAL))
    words.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    words.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": 512,
        "model_input_names": ["input_ids", "attention_mask"],
        "padding_side": "right",
        "pad_token": "<pad>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
    }
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
