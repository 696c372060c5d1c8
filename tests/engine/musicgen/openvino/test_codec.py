"""The codec through OpenVINO gives what the one in torch gives, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.errors import BadValue, EngineUnavailable
from engine.musicgen.codec.decoder import AudioDecoder
from engine.musicgen.codec.weights import Weighted
from engine.musicgen.models.config import CodecConfig
from engine.musicgen.openvino.codec import DecoderState, OpenVinoAudioDecoder, codec_arrays
from engine.musicgen.openvino.store import Store
from engine.musicgen.openvino.writer import Writer
from engine.musicgen.playback import Playback
from tests.engine.musicgen.codec import codecs

SHAPES = {
    "thin": codecs.pair("thin").config,
    "odd": codecs.pair("odd").config,
    "causal": codecs.pair("causal").config,
}
# Kernels of even length are padded by more at the start than at the end.
SHAPES["even"] = replace(
    SHAPES["odd"], kernel_size=4, last_kernel_size=6, residual_kernel_size=2, use_conv_shortcut=True
)
# No layer but the upsampling looks back.
SHAPES["blind"] = replace(SHAPES["odd"], kernel_size=1, last_kernel_size=1, residual_kernel_size=1)
# Wide enough for matrices in 8 bits, and short.
SHAPES["wide"] = replace(
    SHAPES["thin"], num_filters=192, upsampling_ratios=(4, 2), target_bandwidths=(48.0,)
)
SHAPES["full"] = replace(
    SHAPES["thin"], num_filters=64, hidden_size=128, codebook_dim=128, codebook_size=2048
)


@cache
def reference(shape: str, rate: int | None = None, books: int | None = None) -> AudioDecoder:
    """With random weights, under which signals keep their size."""
    config = SHAPES[shape]
    decoder = AudioDecoder(config, rate or config.sampling_rate, books).eval()
    chance = torch.Generator().manual_seed(7)
    for module in decoder.modules():
        if not isinstance(module, Weighted):
            continue
        for name, size in module.shapes().items():
            module.put(name, torch.randn(size, generator=chance) * (0.05 if "bias" in name else 1))
        for name, tensor in module.named_buffers(recurse=False):
            if name.startswith("weight"):
                tensor.mul_(1.2 * tensor.shape[1] ** -0.5)
    return decoder


@dataclass(frozen=True, slots=True)
class Codec:
    """One codec twice, and codes for it."""

    torch: AudioDecoder
    ours: OpenVinoAudioDecoder
    channels: int

    def codes(self, frames: int, seed: int = 0) -> Tensor:
        """int64 `[channels, K, frames]`"""
        size = self.channels, self.torch.quantizer.books, frames
        chance = torch.Generator().manual_seed(seed)
        return torch.randint(0, self.torch.config.codebook_size, size, generator=chance)

    def states(self, codes: Tensor) -> Iterator[tuple[DecoderState, Tensor | None]]:
        """The state after each frame, and what was given there."""
        state = self.ours.start(self.channels)
        for frame in codes.unbind(2):
            state, audio = self.ours.advance(state, frame)
            yield state, audio

    def stream(self, codes: Tensor) -> Tensor:
        """All the audio of a stream, `[channels, samples]`."""
        given = [audio for _, audio in self.states(codes) if audio is not None]
        return torch.cat(given).t()


class Make:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(
        self,
        shape: str,
        rate: int | None = None,
        channels: int = 1,
        books: int | None = None,
        precision: str = "fp32",
    ) -> Codec:
        decoder = reference(shape, rate, books)
        arrays = dict(codec_arrays(decoder, precision))
        path = self._folder / f"{shape}-{rate}-{channels}"
        with Writer(path, len(arrays)) as file:
            for name, array in arrays.items():
                file.add(name, array)
            file.finish()
        config = decoder.config
        rate = rate or config.sampling_rate
        return Codec(
            decoder, OpenVinoAudioDecoder(config, Store(path), rate, books, channels), channels
        )


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return Make(tmp_path)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("shape", ["thin", "odd", "causal", "even", "blind"])
def test_a_stream_is_torchs_from_the_first_sample(shape: str, channels: int, make: Make) -> None:
    codec = make(shape, channels=channels)
    codes = codec.codes(30)

    given = [audio for _, audio in codec.states(codes)]

    wanted = [audio for _, audio in codecs.states(codec.torch, codes)]
    assert [audio is None for audio in given] == [audio is None for audio in wanted]
    for audio, theirs in zip(given, wanted, strict=True):
        if audio is not None and theirs is not None:
            assert audio.dtype == torch.float32
            assert codecs.error_db(audio, theirs) < -90


@pytest.mark.parametrize("rate", [48_000, 44_100, 8_000])
def test_at_another_rate_too(rate: int, make: Make) -> None:
    codec = make("thin", rate, channels=2)
    codes = codec.codes(24)

    streamed = codec.stream(codes)

    assert codec.ours.hop == rate // 50
    assert codec.ours.lookahead_frames == codec.torch.lookahead_frames
    assert codecs.error_db(streamed, codecs.stream(codec.torch, codes)) < -90


def test_fewer_codebooks_than_the_codec_has_will_do(make: Make) -> None:
    assert SHAPES["causal"].num_codebooks > 2
    codec = make("causal", books=2)
    codes = codec.codes(20)
    assert codes.shape[1] == 2
    assert codecs.error_db(codec.stream(codes), codecs.stream(codec.torch, codes)) < -90


@pytest.mark.parametrize("shape", ["wide", pytest.param("full", marks=pytest.mark.slow)])
def test_large_matrices_in_8_bits_are_hardly_heard(shape: str, make: Make) -> None:
    codec = make(shape, precision="int8")
    codes = codec.codes(60)

    streamed = codec.stream(codes)

    kept = dict(codec_arrays(codec.torch))
    few = {name.rpartition(".")[0] for name in kept if name.endswith(".i8")}
    lstm = "codec.decoder.layers.1.weight"
    assert {f"{lstm}_ih_l0", f"{lstm}_hh_l1", "codec.decoder.layers.3.weight"} <= few
    assert "codec.quantizer.entries" in kept
    wanted = codecs.stream(codec.torch, codes)
    assert not torch.equal(streamed, wanted)
    noise = (streamed - wanted).square().sum() / wanted.square().sum()
    assert -10 * float(torch.log10(noise)) > 40  # dB


def test_going_back_to_an_old_state_gives_the_same_bits(make: Make) -> None:
    codec = make("thin", 48_000, channels=2)
    codes = codec.codes(24)
    kept = list(codec.states(codes))

    # From the middle, and from where the stream has hardly begun.
    for back in (9, 1):
        state = kept[back][0]
        before = state.kept.copy()
        for frame in codec.codes(8, seed=5).unbind(2):
            state, _ = codec.ours.advance(state, frame)
        again, state = [], kept[back][0]
        for frame in codes[:, :, back + 1 :].unbind(2):
            state, audio = codec.ours.advance(state, frame)
            again.append(audio)

        assert np.array_equal(before, kept[back][0].kept)
        for audio, (_, first) in zip(again, kept[back + 1 :], strict=True):
            assert (audio is None) == (first is None)
            assert audio is None or (first is not None and torch.equal(audio, first))


def test_streams_in_turn_do_not_meet(make: Make) -> None:
    codec = make("thin", 48_000)
    codes = [codec.codes(16, seed=seed) for seed in (1, 2)]
    alone = [codec.stream(some) for some in codes]

    # The second starts when the first has long been going.
    first, second = (codec.states(some) for some in codes)
    turns = [[next(first)] for _ in range(9)]
    turns += [[a, b] for a, b in zip(first, second, strict=False)]
    turns += [[b] for b in second]

    heard = [audio for turn in turns for _, audio in turn[1:] if audio is not None]
    assert torch.equal(torch.cat(heard).t(), alone[1][:, : len(torch.cat(heard))])
    heard = [audio for turn in turns[:16] for _, audio in turn[:1] if audio is not None]
    assert torch.equal(torch.cat(heard).t(), alone[0])


def test_channels_do_not_hear_each_other(make: Make) -> None:
    codec = make("thin", channels=2)
    codes = codec.codes(16)
    others = codes.clone()
    others[1] = codec.codes(16, seed=1)[1]

    left, right = codec.stream(codes)
    same, changed = codec.stream(others)

    assert torch.equal(same, left)
    assert not torch.equal(changed, right)


def test_a_state_is_small_and_does_not_grow(make: Make) -> None:
    codec = make("thin", 44_100)

    states = [state for state, _ in codec.states(codec.codes(40))]

    assert {state.kept.nbytes for state in states} == {states[0].kept.nbytes}
    assert states[0].kept.nbytes < 8_000
    assert all(state.kept.base is None for state in states)  # no view of something larger


def test_a_recording_is_heard_before_frame_0(make: Make) -> None:
    codec = make("thin")
    codes = codec.codes(20)
    played: dict[str, list[Tensor]] = {}
    decoders: dict[str, Any] = {"torch": codec.torch, "ours": codec.ours}
    for name, decoder in decoders.items():
        playback = Playback(decoder, 1, remembered_frames=10)
        for frame in codes[:, :, :9].unbind(2):
            playback.hear(frame)
        for frame in codes[:, :, 9:].unbind(2):
            playback.play(frame)
        playback.rewind(5)
        audio = [playback.play(frame) for frame in codes[:, :, 14:].unbind(2)]
        played[name] = [some for some in audio if some is not None]

    assert len(played["ours"]) == 6
    assert codecs.error_db(torch.cat(played["ours"]), torch.cat(played["torch"])) < -90


@pytest.mark.parametrize(
    ("rate", "changed", "error", "message"),
    [
        (11_025, {}, BadValue, "use a multiple of 50"),
        (4_000, {}, BadValue, "out of range"),
        (32_000, {"pad_mode": "constant"}, EngineUnavailable, "constant"),
    ],
)
def test_what_cannot_be_streamed_is_refused(
    rate: int, changed: dict[str, Any], error: type[Exception], message: str, make: Make
) -> None:
    config: CodecConfig = replace(SHAPES["thin"], **changed)
    store: Any = None  # It is not even looked into.
    with pytest.raises(error, match=message):
        OpenVinoAudioDecoder(config, store, rate, None, channels=1)
