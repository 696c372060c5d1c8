"""The most memory that this process has had, of the machine and of a GPU."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil

_STATUS = Path("/proc/self/status")


def peak_bytes() -> int:
    """Resident, since the process began.

    On Linux by VmHWM: what `getrusage` says of a child begins at the peak of its parent.
    """
    if _STATUS.exists():
        for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


def gpu_peak_bytes() -> int | None:
    """What torch has taken of a GPU at most, beside the GPU's own context; None: there is none."""
    import torch

    return torch.cuda.max_memory_reserved() if torch.cuda.is_available() else None
