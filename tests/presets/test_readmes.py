"""Every preset says how it is installed, what goes where, and what was tested."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bridge.presets import presets_folder

FOLDERS = [path for path in sorted(presets_folder().iterdir()) if path.is_dir()]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
class TestReadme:
    def test_it_has_three_steps_at_most(self, folder: Path) -> None:
        text = (folder / "README.md").read_text(encoding="utf-8")
        steps = text.partition("## Three steps")[2].partition("\n## ")[0]
        numbered = re.findall(r"^(\d)\. ", steps, re.MULTILINE)
        assert 1 <= len(numbered) <= 3

    def test_it_shows_the_mapping_and_its_limits(self, folder: Path) -> None:
        text = (folder / "README.md").read_text(encoding="utf-8")
        assert "## What goes where" in text
        assert "## Known limits" in text
