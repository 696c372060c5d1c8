"""Which codecs can be streamed, and at which output rates. No torch is needed to ask."""

from __future__ import annotations

from engine.errors import BadValue, EngineUnavailable
from engine.musicgen.models.config import USABLE, CodecConfig

LOWEST_RATE, HIGHEST_RATE = 8_000, 192_000
"""Output rates, in Hz, that a sound card may ask for."""

_SERVED = {
    "norm_type": "weight_norm",
    "pad_mode": "reflect",
    "normalize": False,
    "chunk_length_s": None,
    "audio_channels": 1,
}
"""What all of MusicGen's codecs have in common: no other has been asked for."""


def check(config: CodecConfig) -> None:
    """Raises EngineUnavailable if the codec is none that `AudioDecoder` can stream."""
    for name, served in _SERVED.items():
        value = getattr(config, name)
        if value != served:
            raise EngineUnavailable(
                f"a codec with {name} {value!r} cannot be played, only {served!r}: use {USABLE}"
            )
    if config.codebook_dim != config.hidden_size:
        raise EngineUnavailable(
            f"a codec with codebook_dim {config.codebook_dim} and hidden_size "
            f"{config.hidden_size} cannot be played, they must be equal: use {USABLE}"
        )
    if config.sampling_rate % config.hop:
        raise EngineUnavailable(
            f"a codec at {config.sampling_rate} Hz has no whole number of frames of "
            f"{config.hop} samples a second: use {USABLE}"
        )


def hop_at(config: CodecConfig, rate: int) -> int:
    """Samples per frame at an output rate, in Hz. Raises BadValue if they are not whole."""
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise BadValue(f"output rate {rate} Hz is out of range {LOWEST_RATE}..{HIGHEST_RATE}")
    frame_rate = config.sampling_rate // config.hop
    hop, rest = divmod(rate, frame_rate)
    if rest:
        raise BadValue(
            f"output rate {rate} Hz gives no whole number of samples a frame: "
            f"use a multiple of {frame_rate}, such as {hop * frame_rate} or 48000"
        )
    return hop
