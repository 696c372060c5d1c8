"""Checkpoints that the tests make themselves."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny_mono(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint with 4 codebooks; read only."""
    from engine.musicgen.models import tiny

    return tiny.make(tmp_path_factory.mktemp("tiny") / "mono")


@pytest.fixture(scope="session")
def tiny_stereo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint with 8 codebooks, left and right interleaved; read only."""
    from engine.musicgen.models import tiny

    return tiny.make(tmp_path_factory.mktemp("tiny") / "stereo", channels=2)
