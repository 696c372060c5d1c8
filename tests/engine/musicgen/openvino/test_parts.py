"""Loading an instrument out of a conversion, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("openvino")

ROOT = Path(__file__).parents[4]
LOAD = """
import platformdirs, sys
from pathlib import Path

platformdirs.user_cache_path = lambda name: Path(sys.argv[1])
from engine import musicgen
from engine.api import Steering, WeightedPrompt

engine = musicgen.load(sys.argv[2], device="cpu", precision=sys.argv[3])
[audio] = engine.step([engine.open(Steering((WeightedPrompt("lofi"),)))], 5)
assert len(audio) == 5 * engine.info.hop
print(*sorted({"sympy", "transformers"} & {*sys.modules}))
"""


def heavy(*arguments: object) -> list[str]:
    """What loading and playing imports of what takes long to import."""
    words = [sys.executable, "-c", LOAD, *map(str, arguments)]
    return subprocess.check_output(words, cwd=ROOT, text=True).split()


@pytest.mark.parametrize("precision", ["int4", "auto"])
def test_a_conversion_is_loaded_and_played_without_transformers(
    precision: str, tmp_path: Path, tiny_stereo: Path
) -> None:
    assert "transformers" in heavy(tmp_path, tiny_stereo, precision)  # to convert it
    assert heavy(tmp_path, tiny_stereo, precision) == []
