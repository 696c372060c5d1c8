"""Streamed audio is the offline audio, from the first sample on, and its states are values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.errors import BadValue, EngineUnavailable
from engine.musicgen.codec.decoder import AudioDecoder, DecoderState
from engine.musicgen.codec.layers import Tail
from engine.musicgen.codec.resample import Resampler
from tests.engine.musicgen.codec.codecs import error_db, loaded, pair, states, stream


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    "shape", ["thin", "odd", "causal", pytest.param("full", marks=pytest.mark.slow)]
)
def test_a_stream_is_what_decoding_the_whole_gives(shape: str, channels: int) -> None:
    codec = pair(shape)
    decoder = codec.decoder()
    codes = codec.codes(channels, frames=30)

    streamed = stream(decoder, codes)

    assert decoder.resampler is None
    assert streamed.shape[1] == (30 - decoder.lookahead_frames) * decoder.hop
    offline = codec.decode_offline(codes)[:, : streamed.shape[1]]
    assert error_db(streamed, offline) < -110


def test_fewer_codebooks_than_the_codec_has_will_do() -> None:
    codec = pair("causal")
    assert codec.config.num_codebooks > 2
    decoder = loaded(codec.tensors(), AudioDecoder(codec.config, codec.config.sampling_rate, 2))
    codes = codec.codes(1, frames=20)[:, :2]
    streamed = stream(decoder, codes)
    offline = codec.decode_offline(codes)[:, : streamed.shape[1]]
    assert error_db(streamed, offline) < -110


def test_audio_comes_a_fixed_number_of_frames_after_its_codes() -> None:
    codec = pair("thin")
    decoder = codec.decoder()

    given = [audio for _, audio in states(decoder, codec.codes(2, frames=9))]

    assert decoder.lookahead_frames == 4
    assert all(audio is None for audio in given[:4])
    for audio in given[4:]:
        assert audio is not None
        assert audio.shape == (640, 2)
        assert audio.dtype == torch.float32
        assert audio.is_contiguous()


@pytest.mark.parametrize(("shape", "samples"), [("thin", 2402), ("odd", None)])
def test_the_lookahead_is_what_a_sample_depends_on_and_no_more(
    shape: str, samples: int | None
) -> None:
    codec = pair(shape)
    decoder = codec.decoder()
    hop, changed = codec.config.hop, 20
    codes = codec.codes(1, frames=40)
    others = codes.clone()
    others[:, :, changed] = codec.codes(1, 1, seed=1)[:, :, 0]

    codec.theirs.double()  # float32 would round away how little the first sample is changed
    moved = codec.decode_offline(codes) != codec.decode_offline(others)
    codec.theirs.float()

    first = int(moved[0].nonzero()[0])
    assert first == changed * hop - decoder.lookahead_samples
    assert samples in (None, decoder.lookahead_samples)
    # The frame that is given when the changed codes come is the first one they change.
    assert changed - first // hop == decoder.lookahead_frames


def test_going_back_to_an_old_state_gives_the_same_bits() -> None:
    codec = pair("thin")
    decoder = codec.decoder(48_000)
    codes = codec.codes(2, frames=24)
    kept = list(states(decoder, codes))
    before = [tensor.clone() for tensor in tensors(kept[9][0])]

    other = codec.codes(2, frames=24, seed=5)
    state = kept[9][0]
    for frame in other.unbind(2):
        state, _ = decoder.advance(state, frame)
    again, state = [], kept[9][0]
    for frame in codes[:, :, 10:].unbind(2):
        state, audio = decoder.advance(state, frame)
        again.append(audio)

    assert all(map(torch.equal, before, tensors(kept[9][0])))
    for audio, (_, first) in zip(again, kept[10:], strict=True):
        assert audio is not None
        assert first is not None
        assert torch.equal(audio, first)


def test_streams_side_by_side_do_not_meet() -> None:
    codec = pair("thin")
    decoder = codec.decoder()
    one, other = codec.codes(1, 12, seed=1), codec.codes(1, 12, seed=2)

    both = list(zip(states(decoder, one), states(decoder, other), strict=True))

    for turns, codes in zip(zip(*both, strict=True), (one, other), strict=True):
        audio = torch.cat([audio for _, audio in turns if audio is not None]).t()
        assert torch.equal(audio, stream(decoder, codes))


def test_a_state_is_small_and_does_not_grow() -> None:
    codec = pair("thin")
    decoder = codec.decoder(44_100)

    sizes = [state.nbytes for state, _ in states(decoder, codec.codes(1, frames=60))]

    state = list(states(decoder, codec.codes(1, frames=20)))[-1][0]
    # No tensor is a view of a larger one, which it would keep alive.
    assert state.nbytes == sum(4 * tensor.numel() for tensor in tensors(state)) < 8_000
    assert set(sizes[10:]) == {state.nbytes}


@pytest.mark.parametrize("rate", [16_000, 22_050, 44_100, 48_000, 96_000])
def test_at_another_rate_a_stream_is_the_resampled_whole(rate: int) -> None:
    codec = pair("thin")
    decoder = codec.decoder(rate)
    codes = codec.codes(2, frames=40)

    streamed = stream(decoder, codes)

    # The filter's own lookahead fits into what the codec's lacks of whole frames.
    assert decoder.lookahead_frames == 4
    assert streamed.shape[1] == 36 * rate // 50
    whole = Resampler(32_000, rate).convert(codec.decode_offline(codes))
    assert error_db(streamed, whole[:, : streamed.shape[1]]) < -110


def test_a_longer_filter_is_waited_for() -> None:
    codec = pair("thin")
    decoder = codec.decoder(8_000)
    codes = codec.codes(1, frames=20)

    streamed = stream(decoder, codes)

    assert decoder.lookahead_frames == 5
    whole = Resampler(32_000, 8_000).convert(codec.decode_offline(codes))
    assert error_db(streamed, whole[:, : streamed.shape[1]]) < -110


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        (11_025, "11025 Hz .* use a multiple of 50, such as 11000 or 48000"),
        (44_101, "use a multiple of 50"),
        (4_000, "4000 Hz is out of range 8000..192000"),
        (400_000, "out of range"),
    ],
)
def test_a_rate_without_whole_frames_is_refused(rate: int, message: str) -> None:
    with pytest.raises(BadValue, match=message):
        AudioDecoder(pair("thin").config, rate)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("norm_type", "time_group_norm"),
        ("pad_mode", "constant"),
        ("normalize", True),
        ("chunk_length_s", 1.0),
        ("audio_channels", 2),
        ("codebook_dim", 5),
        ("sampling_rate", 32_001),
    ],
)
def test_a_codec_that_cannot_be_streamed_is_refused(name: str, value: Any) -> None:
    changed: Any = {name: value}
    with pytest.raises(EngineUnavailable, match=str(value)):
        AudioDecoder(replace(pair("thin").config, **changed), 32_000)


def tensors(state: DecoderState) -> list[Tensor]:
    found = [state.pending]
    for layer in state.layers:
        found += [layer.kept] if isinstance(layer, Tail) else layer
    return found
