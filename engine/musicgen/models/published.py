"""The shapes that Meta published, by size: what fits where, before anything is downloaded.

Only for estimates, for benchmarks with random weights and for tests: a checkpoint that is loaded
says its own sizes (`engine.musicgen.models.config`).
"""

from __future__ import annotations

from typing import Any

from engine.errors import BadValue
from engine.musicgen.models import config

SIZES = {"small": (24, 1024, 16), "medium": (48, 1536, 24), "large": (48, 2048, 32)}
"""Layers, width and attention heads of the decoder, smallest first."""


def raw(size: str, channels: int = 1) -> dict[str, Any]:
    """The config.json of `facebook/musicgen-SIZE`, or of its stereo sister with 2 channels.

    Raises BadValue for another size.
    """
    if size not in SIZES:
        raise BadValue(f"model size {size!r} is none of {', '.join(SIZES)}")
    layers, width, heads = SIZES[size]
    return {
        "architectures": ["MusicgenForConditionalGeneration"],
        "model_type": "musicgen",
        "is_encoder_decoder": True,
        "text_encoder": dict(_T5_BASE),
        "audio_encoder": dict(_ENCODEC_32KHZ),
        "decoder": {
            "model_type": "musicgen_decoder",
            "num_hidden_layers": layers,
            "hidden_size": width,
            "num_attention_heads": heads,
            "ffn_dim": 4 * width,
            "num_codebooks": 4 * channels,
            "audio_channels": channels,
            "vocab_size": 2048,
            "max_position_embeddings": 2048,
            "activation_function": "gelu",
            "scale_embedding": False,
            "pad_token_id": 2048,
            "bos_token_id": 2048,
            "tie_word_embeddings": False,
        },
    }


def parameter_bytes(size: str, precision: str, channels: int = 1) -> int:
    """Bytes of the weights of a published model: decoder and text at `precision`, codec fp32."""
    return config.parse(raw(size, channels), size).parameter_bytes(precision)


_T5_BASE: dict[str, Any] = {
    "model_type": "t5",
    "vocab_size": 32128,
    "d_model": 768,
    "d_kv": 64,
    "d_ff": 3072,
    "num_layers": 12,
    "num_decoder_layers": 12,
    "num_heads": 12,
    "relative_attention_num_buckets": 32,
    "feed_forward_proj": "relu",
    "pad_token_id": 0,
    "eos_token_id": 1,
    "decoder_start_token_id": 0,
}

_ENCODEC_32KHZ: dict[str, Any] = {
    "model_type": "encodec",
    "sampling_rate": 32000,
    "audio_channels": 1,
    "target_bandwidths": [2.2],
    "upsampling_ratios": [8, 5, 4, 4],
    "num_filters": 64,
    "hidden_size": 128,
    "codebook_size": 2048,
    "codebook_dim": 128,
    "num_lstm_layers": 2,
    "num_residual_layers": 1,
    "kernel_size": 7,
    "last_kernel_size": 7,
    "residual_kernel_size": 3,
    "dilation_growth_rate": 2,
    "compress": 2,
    "norm_type": "weight_norm",
    "pad_mode": "reflect",
    "use_causal_conv": False,
    "use_conv_shortcut": False,
    "trim_right_ratio": 1.0,
    "normalize": False,
    "chunk_length_s": None,
    "overlap": None,
}
