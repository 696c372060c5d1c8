"""Checkpoints that the tests make themselves."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
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


@pytest.fixture(scope="session")
def full_shape(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A checkpoint of musicgen-small's shape, 2.4 GB; read only, and gone at the end."""
    from engine.musicgen.models import tiny

    folder = tiny.full_shape(tmp_path_factory.mktemp("full") / "small")
    yield folder
    shutil.rmtree(folder)
