"""`sideman bench time`: the parts that need no minutes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bridge.bench.loops import hardest_to_cut, picture_of
from bridge.bench.time_suite import check_pictures
from bridge.bench.warping import cases, warp
from engine.errors import BadValue


def test_the_lock_is_judged_by_its_course_by_what_is_heard_and_beside_a_peer() -> None:
    warped = warp(cases()[1], 20.0)
    assert len(warped.error_ms) > 10
    assert np.median(np.abs(warped.error_ms)) < 5
    assert np.median(np.abs(warped.heard_ms)) < 5
    assert np.abs(warped.peer_ms).max() > np.abs(warped.error_ms).max()


def test_a_plain_cut_is_heard_at_its_seam_and_ours_is_not() -> None:
    seam = picture_of(*hardest_to_cut())
    assert seam.plain_flux[-1] > 1.5 * max(seam.plain_flux[:-1])
    assert seam.loop_flux[-1] <= 1.1 * max(seam.loop_flux[:-1])
    middle = len(seam.loop) // 2
    assert abs(seam.loop[middle] - seam.loop[middle - 1]) < 0.1


def test_pictures_need_a_folder(tmp_path: Path) -> None:
    check_pictures(tmp_path)
    with pytest.raises(BadValue, match="no such folder"):
        check_pictures(tmp_path / "none")
