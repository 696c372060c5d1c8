"""What a run's figures belong to: the machine, and the commit."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

from bridge import __version__

_ROOT = Path(__file__).parents[2]


def machine() -> dict[str, str | int]:
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count() or 0,
        "architecture": platform.machine(),
        "os": platform.platform(terse=True),
        "python": platform.python_version(),
        "sideman": __version__,
    }


def commit() -> str:
    """The commit of the checkout that this runs from, `+` if files differ; empty if it is none."""
    if not (_ROOT / ".git").exists():
        return ""
    short = _git("rev-parse", "--short", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return short + ("+" if short and changed else "")


def _git(*words: str) -> str:
    try:
        done = subprocess.run(
            ["git", *words], cwd=_ROOT, capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return platform.processor()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor())
