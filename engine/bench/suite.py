"""All contenders in turn, each in a fresh process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from engine.bench.job import SIDEMAN, TRANSFORMERS, Job, Measured
from engine.bench.limit import Limit
from engine.bench.others import Others
from engine.bench.plan import GPU_LANES, Plan
from engine.bench.report import Machine, Report
from engine.errors import EngineError
from engine.musicgen.models import config
from engine.musicgen.options import FEW_BITS, PRECISIONS

Tell = Callable[[str], None]

THEIR_PRECISIONS = ("fp32", "bf16", "fp16")
"""transformers has no others without further libraries."""
_SHAPE = "random weights, musicgen-small shape"
_END_S = 20.0
"""Until a child that was interrupted has taken its half-written files away."""


def run_suite(model: Path | None, name: str, device: str, plan: Plan, tell: Tell) -> Report:
    """Measure everything on the checkpoint `model`, which is called `name`; None: on random
    weights of the full shape.

    Raises SidemanError if there is no such model or device. What a contender cannot do is in
    its row.
    """
    folder = model or Path(_answers(Job("weights"), tell)["folder"])
    sizes = config.read(folder)
    machine = _answers(Job("machine", device, plan=plan), tell)
    speed = machine.pop("bytes_per_s")
    where = Machine(**machine)
    if where.gpu:
        plan = replace(plan, lanes=GPU_LANES)
    rows = [
        _measure(Job("measure", where.device, who, precision, str(folder), plan), tell)
        for precision in precisions(where.device)
        for who in (SIDEMAN, TRANSFORMERS)
        if who == SIDEMAN or precision in THEIR_PRECISIONS
    ]
    # Again, since something else may have been busy with the memory; and not worth losing all for.
    again = _ask(Job("machine", where.device, plan=plan), tell).get("bytes_per_s", speed)
    limit = Limit(sizes.decoder, sizes.codec.frame_rate, max(speed, again))
    return Report(name if model else _SHAPE, where, limit, plan, tuple(rows))


def precisions(device: str) -> list[str]:
    """Those that a device is used with: CPUs are slow with fp16, GPUs have none in few bits."""
    left_out = {"auto", "fp16"} if device == "cpu" else {"auto", *FEW_BITS}
    return [name for name in PRECISIONS if name not in left_out]


def _measure(job: Job, tell: Tell) -> Measured:
    """Loaded once so that its files are cached, then measured in another process."""
    named = replace(job, what="load")
    words: dict[str, Any] = {"who": job.who, "precision": job.precision}
    others = Others()
    for each in (named, job):
        words |= _ask(each, lambda line: tell(f"{job.who} {job.precision}: {line}"))
        if "load_first_s" not in words:
            break
    words["others_share"] = others.share()
    known = {part.name for part in fields(Measured)}
    return Measured.from_json({name: value for name, value in words.items() if name in known})


def _answers(job: Job, tell: Tell) -> dict[str, Any]:
    """What must not fail. Raises EngineError."""
    words = _ask(job, tell)
    if "failure" in words:
        raise EngineError(words["failure"])
    return words


def _ask(job: Job, tell: Tell) -> dict[str, Any]:
    """The figures of a child, as far as it came."""
    figures: dict[str, Any] = {}
    with tempfile.TemporaryFile() as noise, _child(job, noise) as child:
        assert child.stdout is not None
        for line in child.stdout:
            answer = json.loads(line)
            if "tell" in answer:
                tell(answer["tell"])
            figures |= answer.get("figures", {})
            if "failure" in answer:
                figures["failure"] = answer["failure"]
        if child.wait() != 0:
            figures["failure"] = _death(child.returncode, noise)
    return figures


@contextmanager
def _child(job: Job, noise: Any) -> Iterator[subprocess.Popen[str]]:
    """Ended with the block, however that ends."""
    command = [sys.executable, "-m", "engine.bench.child", json.dumps(job.as_json())]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=noise, text=True)
    try:
        yield child
    except BaseException:
        if sys.platform != "win32":
            child.send_signal(signal.SIGINT)
        try:
            child.wait(_END_S if sys.platform != "win32" else 0)
        except subprocess.TimeoutExpired:
            child.kill()
        raise
    finally:
        child.wait()
        if child.stdout is not None:
            child.stdout.close()


def _death(code: int, noise: Any) -> str:
    """Why a child has ended without a word."""
    if code == -signal.SIGTERM or code == -9:
        return f"its process was ended by signal {-code}: too little memory?"
    noise.seek(0)
    lines = noise.read().decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f"its process ended with status {code}: {last[:160]}".rstrip(": ")
