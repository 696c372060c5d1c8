"""Where the files for hosts and controllers lie, and which there are.

`daw_presets/` has a folder for each. In a checkout it is beside this package, and an installed
wheel carries a copy inside it.
"""

from __future__ import annotations

from pathlib import Path

from engine.errors import BadValue

_PLACES = (Path(__file__).parent / "daw_presets", Path(__file__).parent.parent / "daw_presets")


def presets_folder() -> Path:
    """The folder of all presets. Raises BadValue if this installation has none."""
    for place in _PLACES:
        if place.is_dir():
            return place
    raise BadValue("this installation came without daw_presets: install sideman again")


def preset_names(file: str) -> list[str]:
    """The presets that have a file of this name, in order."""
    return sorted(path.parent.name for path in presets_folder().glob(f"*/{file}"))


def preset_file(name: str, file: str) -> Path:
    """The `file` of preset `name`, or `name` itself where that is the path of a file.

    Raises BadValue, and names those that there are.
    """
    own = Path(name)
    if own.suffix == Path(file).suffix and own.is_file():
        return own
    if name in preset_names(file):
        return presets_folder() / name / file
    there = " ".join(preset_names(file)) or "none"
    raise BadValue(f"no preset {name!r} with a {file}, and no such file; there are {there}")
