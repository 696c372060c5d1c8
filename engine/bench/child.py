"""One job in a process of its own, so that memory, threads and settings are its own.

`python -m engine.bench.child JOB` takes a `Job` as JSON and writes lines of JSON to stdout:
`{"tell": ...}` what it does now, `{"figures": {...}}` as they come, `{"failure": ...}` if it ends
early. What libraries print goes to stderr.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any, TextIO

from engine.bench.job import SIDEMAN, Job
from engine.errors import EngineUnavailable, SidemanError


def main() -> int:
    answers = _own_stdout()
    job = Job.from_json(json.loads(sys.argv[1]))
    try:
        for answer in _work(job):
            kind = "tell" if isinstance(answer, str) else "figures"
            _say(answers, {kind: answer})
    except SidemanError as error:
        _say(answers, {"failure": str(error)})
    except Exception as error:  # whatever a library makes of this machine
        words = " ".join(f"{type(error).__name__}: {error}".split())
        _say(answers, {"failure": words[:200]})
    return 0


def _own_stdout() -> TextIO:
    """Where only answers go."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _say(answers: TextIO, answer: dict[str, Any]) -> None:
    print(json.dumps(answer), file=answers, flush=True)


def _work(job: Job) -> Iterator[str | dict[str, Any]]:
    match job.what:
        case "weights":
            from engine.musicgen.models import tiny

            yield "random weights in the shape of musicgen-small, 2.4 GB, written once"
            yield {"folder": str(tiny.cached_full_shape())}
        case "machine":
            yield "the speed of memory"
            yield _machine(job)
        case "load":
            yield "loading"
            yield {"load_first_s": _load_s(job)}
        case _:
            yield from _measured(job)


def _measured(job: Job) -> Iterator[str | dict[str, Any]]:
    if job.who == SIDEMAN:
        from engine.bench import ours

        return ours.measure(job)
    from engine.bench import theirs

    return theirs.measure(job)


def _load_s(job: Job) -> float:
    if job.who == SIDEMAN:
        from engine.bench import ours

        ours.import_libraries(job.precision)
        begun_s = time.perf_counter()
        ours.load(job)
    else:
        from engine.bench import theirs

        theirs.import_libraries()
        begun_s = time.perf_counter()
        theirs.load(job)
    return time.perf_counter() - begun_s


def _machine(job: Job) -> dict[str, Any]:
    """What torch says of the device that is meant by `job.device`."""
    import torch
    import transformers

    from engine.bench.limit import bytes_per_s

    assert job.plan is not None
    device = torch.device(_named(job.device))
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    return {
        "device": str(device),
        "gpu": gpu,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "threads": torch.get_num_threads(),
        "bytes_per_s": bytes_per_s(device, job.plan.read_bytes),
    }


def _named(device: str) -> str:
    """`auto` is the fastest there is. Raises EngineUnavailable for one that is not here."""
    import torch

    kind, _, number = device.partition(":")
    gpus = torch.cuda.device_count()
    present = {"cuda": gpus > int(number or 0), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        return next((name for name, there in present.items() if there), "cpu")
    if not present.get(kind, True):
        raise EngineUnavailable(f"there is no {device} device here: leave out --device")
    return device


if __name__ == "__main__":
    sys.exit(main())
