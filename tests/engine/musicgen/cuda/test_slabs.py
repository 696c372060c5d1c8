"""Memory for streams' past: whose it is, and how much is taken."""

from __future__ import annotations

import weakref

import pytest
import torch

from engine.musicgen.cuda.slabs import Slab, SlabCache, Slabs
from engine.musicgen.kv import KvCache
from engine.musicgen.models.config import DecoderConfig

CONFIG = DecoderConfig(
    hidden_size=8, num_attention_heads=2, num_hidden_layers=3, num_codebooks=1, ffn_dim=1
)


def slabs() -> Slabs:
    return Slabs(CONFIG, torch.zeros(1, dtype=torch.float16))


def test_caches_are_as_others_are_and_share_nothing() -> None:
    taken = slabs()
    caches = [taken.take(20) for _ in range(20)]
    plain = KvCache.new(CONFIG, 24, torch.device("cpu"), torch.float16)
    for number, cache in enumerate(caches, 1):
        assert cache.keys.shape == cache.values.shape == plain.keys.shape
        assert cache.keys.dtype == torch.float16
        assert not cache.keys.any()
        cache.keys.fill_(number)
        cache.values.fill_(-number)
    for number, cache in enumerate(caches, 1):
        assert (cache.keys == number).all()
        assert (cache.values == -number).all()


def test_no_more_than_half_as_much_again_is_taken() -> None:
    taken, caches, found = slabs(), [], set[Slab]()
    for count in range(1, 100):
        cache = taken.take(20)
        caches.append(cache)
        found.add(cache.slab)
        room = sum(slab.caches for slab in found)
        assert room <= max(2, 1.5 * count)
    assert len(found) <= 15


def test_a_place_is_free_again_when_nobody_has_its_cache() -> None:
    taken = slabs()
    first, second = taken.take(20), taken.take(20)
    keys = second.keys.data_ptr()
    del second
    assert taken.take(20).keys.data_ptr() == keys
    assert taken.take(30).slab is not first.slab  # of another length


def test_memory_that_nobody_has_makes_room_for_another_length() -> None:
    taken = slabs()
    gone = weakref.ref(taken.take(20).slab)
    kept = taken.take(30)
    assert gone() is None
    assert taken.take(30).slab is kept.slab


class Full(Slabs):
    """A device with room for a slab of so many caches at most."""

    most = 0

    def _new(self, caches: int, steps: int) -> Slab:
        if caches > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super()._new(caches, steps)


def test_a_device_that_is_nearly_full_gives_what_it_has() -> None:
    taken = Full(CONFIG, torch.zeros(1))
    taken.most = 16
    caches: list[SlabCache] = [taken.take(20) for _ in range(13)]
    taken.most = 1
    caches.append(taken.take(20))
    assert caches[-1].slab.caches == 1
    taken.most = 0
    with pytest.raises(torch.OutOfMemoryError):
        taken.take(20)
