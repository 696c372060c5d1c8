"""Music made of graphs is the music of the eager decoder; a tape stands in for the GPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.api import WeightedPrompt
from engine.musicgen.cuda import backend as graphs
from engine.musicgen.decoder import Segment
from engine.musicgen.directions import Knobs
from engine.musicgen.stream import MusicGenStream
from tests.engine.musicgen.cuda.tape import GraphPlayer, Refusing
from tests.engine.musicgen.playing import Player, codes, steering

PROMPTS = ["lofi hip hop", "dark techno with drums and a very long description, acid bass", "jazz"]
AT_ONCE: dict[str, Any] = {"window": 200, "slice_steps": 200, "rewind": 50}
"""Tails are read as on a GPU."""


def greedy(text: str = PROMPTS[0], **more: Any) -> Any:
    return steering(text, top_k=1, **more)


Scene = Callable[[Player], Sequence[tuple[MusicGenStream, int, int]]]
"""Plays, and names streams with the frames of theirs to be compared."""


def made_by(player: Player, scene: Scene) -> list[Tensor]:
    return [codes(stream, first, end) for stream, first, end in scene(player)]


def one(player: Player) -> Sequence[tuple[MusicGenStream, int, int]]:
    stream = player.open(greedy())
    player.play([stream], 300)
    return [(stream, 0, 300)]


def in_place(player: Player) -> Sequence[tuple[MusicGenStream, int, int]]:
    """As clips are rendered: with one cache each."""
    streams = [player.open(greedy(text), length=300) for text in PROMPTS]
    player.play(streams, 300)
    return [(stream, 50, 300) for stream in streams]


def prompts_change(player: Player) -> Sequence[tuple[MusicGenStream, int, int]]:
    stream = player.open(greedy(PROMPTS[1]))
    player.play([stream], 60)
    stream.steer(greedy(PROMPTS[2]))
    player.play([stream], 40)
    blend = (WeightedPrompt(PROMPTS[0], 2.0), WeightedPrompt(PROMPTS[1], 1.0))
    stream.steer(greedy(prompts=blend, morph_frames=30))
    player.play([stream], 80)
    stream.steer(greedy(""))
    player.play([stream], 40)
    stream.steer(greedy(PROMPTS[0]))
    player.play([stream], 60)
    return [(stream, 0, 280)]


def guidance_comes_and_goes(player: Player) -> Sequence[tuple[MusicGenStream, int, int]]:
    stream = player.open(greedy(guidance=1.0))
    player.play([stream], 70)
    for guidance in (3.0, 5.0, 1.0, 2.0):
        stream.steer(greedy(guidance=guidance))
        player.play([stream], 50)
    return [(stream, 0, 270)]


def streams_join_and_leave(player: Player) -> Sequence[tuple[MusicGenStream, int, int]]:
    first, second = player.open(greedy(PROMPTS[0])), player.open(greedy(PROMPTS[1], guidance=1.0))
    player.play([first, second], 70)
    third = player.open(greedy(""))
    player.play([first, second, third], 60)
    player.play([third, first], 40)
    second = player.open(greedy(PROMPTS[2]))
    player.play([second, third, first], 110)
    return [(first, 0, 280), (second, 0, 110), (third, 0, 210)]


def rewinds(player: Player) -> Sequence[tuple[MusicGenStream, int, int]]:
    streams = [player.open(greedy(text)) for text in PROMPTS[:2]]
    player.play(streams, 205)  # past a change of windows
    streams[0].rewind(180)
    streams[0].steer(greedy(PROMPTS[2]))
    player.play(streams[:1], 25)
    player.play(streams, 30)
    streams[1].rewind(200)
    player.play(streams[1:], 35)
    return [(stream, 0, 235) for stream in streams]


SCENES = [one, in_place, prompts_change, guidance_comes_and_goes, streams_join_and_leave, rewinds]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_greedy_codes_are_those_of_the_eager_decoder(tiny_mono: Path, scene: Scene) -> None:
    player = GraphPlayer(tiny_mono, **AT_ONCE)
    wanted = made_by(Player(tiny_mono, **AT_ONCE), scene)
    made = made_by(player, scene)
    assert player.recorder.replays > 100
    for ours, theirs in zip(made, wanted, strict=True):
        assert len(set(theirs.flatten().tolist())) > 30
        assert torch.equal(ours, theirs)


def test_in_stereo_and_with_slices_beside_the_steps(tiny_stereo: Path) -> None:
    wanted = made_by(Player(tiny_stereo, window=200), one)
    [made] = made_by(GraphPlayer(tiny_stereo, window=200), one)
    assert torch.equal(made, wanted[0])


def test_drawn_codes_are_those_of_the_eager_decoder(tiny_mono: Path) -> None:
    made = []
    for player in (Player(tiny_mono), GraphPlayer(tiny_mono)):
        streams = [
            player.open(steering(PROMPTS[0], seed=1)),
            player.open(steering(PROMPTS[1], seed=2, temperature=0.7, top_k=50, guidance=2.0)),
        ]
        player.play(streams, 40)
        streams[0].steer(steering(PROMPTS[0], seed=3, temperature=1.1))
        player.play(streams, 40)
        made.append(torch.stack([codes(stream, 0, 80) for stream in streams]))
    assert torch.equal(*made)


def test_a_shape_is_recorded_once(tiny_mono: Path) -> None:
    player = GraphPlayer(tiny_mono, window=120, slice_steps=120, rewind=30)
    streams = [player.open(greedy(text)) for text in PROMPTS]
    player.play(streams, 200)
    recorded = player.recorder.recordings
    player.play(streams, 180)  # three changes of windows, each to the other cache
    assert player.recorder.recordings == recorded < 20


def test_graphs_that_are_not_used_are_given_up(
    tiny_mono: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graphs, "_MOST_GRAPHS", 2)
    wanted = made_by(Player(tiny_mono, **AT_ONCE), streams_join_and_leave)
    player = GraphPlayer(tiny_mono, **AT_ONCE)
    made = made_by(player, streams_join_and_leave)
    assert len(player.backend._graphs) == 2
    for ours, theirs in zip(made, wanted, strict=True):
        assert torch.equal(ours, theirs)


@torch.inference_mode()
def test_codes_that_were_drawn_may_be_kept(tiny_mono: Path) -> None:
    player = GraphPlayer(tiny_mono)
    cache, one = player.backend.new_cache(100), torch.ones(1)
    knobs = Knobs(one, one, torch.full((1,), 100))
    kept = []
    for position in range(20):
        inputs = torch.full((player.config.decoder.num_codebooks, 1), position)
        segment = Segment(inputs, position, cache, None)
        kept.append(player.backend.draw([segment], knobs, torch.full((1, 4), position / 20)))
        kept.append(kept[-1].clone())
    assert all(torch.equal(*pair) for pair in zip(kept[::2], kept[1::2], strict=True))
    assert len({tuple(codes.flatten().tolist()) for codes in kept}) > 10


def test_a_step_that_cannot_be_recorded_is_made_by_the_eager_decoder(tiny_mono: Path) -> None:
    wanted = made_by(Player(tiny_mono, **AT_ONCE), one)
    player = GraphPlayer(tiny_mono, **AT_ONCE)
    refusing = player.backend._recorder = Refusing()
    [made] = made_by(player, one)
    assert torch.equal(made, wanted[0])
    assert refusing.recordings == 1  # and it is not tried again
    assert player.backend.remark == (
        "CUDA graphs are off, which costs speed:"
        " CUDA error: operation not permitted when stream is capturing"
    )
