"""One prompt several times: in one batch, alike in all but their seeds."""

from __future__ import annotations

from functools import partial

import pytest

from bridge.clips.request import ClipRequest
from bridge.osc.client import Client
from engine import fake
from engine.errors import BadValue
from tests.bridge.rig import RATE, Rig


def test_variations_are_one_batch_with_seeds_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[list[ClipRequest]] = []
    rig = Rig(partial(fake.load, rate=RATE))

    def submit(requests: list[ClipRequest], asker: Client | None) -> list[int]:
        batches.append(requests)
        return []

    monkeypatch.setattr(rig.controls._services.clips, "submit", submit)
    rig.send("/tempo", 90)
    rig.send("/clip/variations", "dub techno", 4, 8)
    rig.run(0.02)
    rig.close()
    (batch,) = batches
    assert {(each.text, each.bars, each.bpm) for each in batch} == {("dub techno", 4, 90.0)}
    assert len({each.seed for each in batch}) == len(batch) == 8


@pytest.mark.parametrize("count", [0, 9])
def test_so_many_are_refused(count: int) -> None:
    rig = Rig(partial(fake.load, rate=RATE))
    with pytest.raises(BadValue, match=r"1\.\.8"):
        rig.send("/clip/variations", "dub techno", 4, count)
    rig.close()
