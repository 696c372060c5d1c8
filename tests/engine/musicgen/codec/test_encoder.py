"""A recording's codes are those of transformers, made in pieces."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from engine.errors import BadValue
from engine.musicgen.codec.encoder import PIECE_FRAMES
from tests.engine.musicgen.codec.codecs import pair

SECOND = 32_000


def noise(channels: int, samples: int) -> Tensor:
    chance = torch.Generator().manual_seed(samples)
    return torch.randn(channels, samples, generator=chance)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("shape", ["thin", "odd", "causal"])
def test_codes_are_those_of_the_whole(shape: str, channels: int) -> None:
    codec = pair(shape)
    encoder = codec.encoder()
    piece = PIECE_FRAMES * codec.config.hop

    # Shorter than a reflection, about a frame, about a piece, and some of each.
    for samples in [1, 2, 3, 7, 100, 639, 640, 641, 2_000, piece - 1, piece, piece + 1, 40_003]:
        audio = noise(channels, samples)
        codes = encoder.encode(audio)
        assert codes.shape[2] == -(-samples // codec.config.hop)
        assert torch.equal(codes, codec.encode_offline(audio)), samples


@pytest.mark.slow
def test_codes_at_the_full_shape() -> None:
    codec = pair("full")
    audio = noise(1, SECOND + 100)

    assert torch.equal(codec.encoder().encode(audio), codec.encode_offline(audio))


def test_the_size_of_the_pieces_does_not_matter() -> None:
    encoder = pair("thin").encoder()
    audio = noise(1, 2 * SECOND + 17)

    found = [torch.cat(list(encoder.pieces(audio, frames)), 2) for frames in (1, 7, 50, 1000)]

    assert all(torch.equal(codes, found[0]) for codes in found)


def test_each_piece_is_a_bounded_amount_of_work() -> None:
    encoder = pair("thin").encoder()

    pieces = list(encoder.pieces(noise(1, 10 * SECOND)))

    assert len(pieces) == -(-500 // PIECE_FRAMES)
    # A piece's worth each, the last with what was held back for the lookahead.
    assert max(piece.shape[2] for piece in pieces) <= PIECE_FRAMES + 6


def test_what_is_carried_between_pieces_does_not_grow() -> None:
    stack = pair("thin").encoder().stack
    states, sizes = stack.start(1), []
    for piece in noise(10, SECOND)[:, None, :, None]:  # [1, samples, 1]
        states, _ = stack(states, piece)
        carried = [kept for state in states for kept in getattr(state, "kept", torch.zeros(0))]
        sizes.append(sum(kept.untyped_storage().nbytes() for kept in carried))

    assert 0 < sizes[-1] < 10_000
    assert len(set(sizes[1:])) == 1


def test_codes_go_back_to_what_they_came_from() -> None:
    codec = pair("thin")
    quantizer = codec.encoder().quantizer
    codes = codec.codes(2, 1)[:, :, 0]
    # Codebooks so far apart in size that each entry is told apart from the sum of all.
    quantizer.entries.view(codec.config.num_codebooks, -1, codec.config.hidden_size).mul_(
        torch.logspace(0, -12, codec.config.num_codebooks, base=4)[:, None, None]
    )

    vector = quantizer.decode(codes)

    # The smallest of them are lost in float32's rounding of the largest.
    assert torch.equal(quantizer.encode(vector[:, None])[:, :5, 0], codes[:, :5])


def test_an_empty_recording_is_refused() -> None:
    with pytest.raises(BadValue, match="0 samples"):
        pair("thin").encoder().encode(torch.zeros(1, 0))
