"""Clips rendered in the background, behind the music.

A batch of requests is a batch of streams: opened together, so that the engine makes them in one
pass, and read in turn. An engine that dies meanwhile is replaced by its owner, not from here: the
jobs wait for the new one and begin again, once.

Threading: `submit`, `cancel` and `fault` may be called from any thread and do not wait. One worker
thread does the rest. `notify` is called from it, and from whoever calls `submit` or `cancel`,
under a lock that keeps what is told of a job in order: it must neither wait nor call back.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from bridge.clips.loudness import library
from bridge.clips.names import clip_name
from bridge.clips.render import POLL_S, ClipRender
from bridge.clips.request import ClipRequest
from bridge.clips.save import save_clip
from bridge.clips.spool import Spool
from bridge.row import Value
from bridge.time.clock import monotonic_s
from bridge.warp.lock import Cut
from bridge.warp.stretch import cut
from engine.api import EngineHandle, EngineInfo
from engine.errors import BadValue, EngineError, EngineLost, SidemanError

ACCEPTED, PROGRESS = "/clip/accepted", "/clip/progress"
DONE, FAILED = "/clip/done", "/clip/failed"

WAITING = 64
"""Jobs that may wait; one more is refused, so that a stuck button cannot fill the memory."""

TOGETHER = 8
"""Streams rendered in one pass: more of them is no faster, and each takes memory in the engine."""

PROGRESS_S = 0.1
"""Between two notices of progress of a job."""

NEW_ENGINE_S = 10.0
"""How long to wait for an engine to replace a dead one."""

_log = logging.getLogger(__name__)


class Notify(Protocol):
    def __call__(self, asker: Hashable, address: str, /, *args: Value) -> None: ...


@dataclass(slots=True, eq=False)
class _Job:
    id: int
    asker: Hashable
    told_s: float = 0.0
    """When its progress was last told, by the monotonic clock."""
    saving: bool = False
    """Too late to cancel it."""


@dataclass(slots=True, eq=False)
class _Asked(_Job):
    """One that is done here."""

    request: ClipRequest = field(kw_only=True)


class RenderJobs:
    """The jobs of one server. Ids ascend from 1 and are never used again."""

    def __init__(
        self,
        engine: Callable[[], EngineHandle],
        folder: Path,
        notify: Notify,
        *,
        master: bool = False,
        bits: int = 24,
        cutting: Cut = cut,
    ) -> None:
        """`engine` gives the handle of the engine that runs, another one after a crash, and raises
        EngineError while there is none. With `master` every clip is mastered, asked for or not;
        `bits` are those of all files; `cutting`: where bars are stretched.

        Raises NotInstalled if `master` is wanted and cannot be had.
        """
        if master:
            library()  # now, since it takes a while to load
        self._master = master
        self._bits = bits
        self._cutting = cutting
        self._engine = engine
        self._folder = folder
        self._notify = notify
        self._lock = threading.Condition()
        self._waiting: deque[list[_Asked]] = deque()
        self._jobs: dict[int, _Job] = {}
        """All that are neither done nor failed."""
        self._faults: dict[int, str] = {}
        """By stream, since the pass now running began."""
        self._rendering = False
        self._last_id = 0
        self._closing = threading.Event()
        self._worker = threading.Thread(target=self._work, name="clips", daemon=True)
        self._worker.start()

    def submit(self, requests: Sequence[ClipRequest], asker: Hashable) -> list[int]:
        """Queue a batch; returns a job's id for each request. Raises BadValue if too many wait."""
        with self._lock:
            count = sum(map(len, self._waiting))
            if len(requests) > WAITING:
                raise BadValue(f"{len(requests)} clips at once, at most {WAITING} are taken")
            if self._closing.is_set() or count + len(requests) > WAITING:
                raise BadValue(
                    f"busy: {count} clips are waiting and {WAITING} may:"
                    " wait for some to finish, or /clip/cancel them"
                )
            first = self._last_id + 1
            jobs = [
                _Asked(first + i, asker, request=self._as_served(asked))
                for i, asked in enumerate(requests)
            ]
            self._last_id += len(jobs)
            self._jobs |= {job.id: job for job in jobs}
            for job in jobs:
                self._notify(asker, ACCEPTED, job.id, job.request.text)
            self._waiting += [jobs[i : i + TOGETHER] for i in range(0, len(jobs), TOGETHER)]
            self._lock.notify()
        return [job.id for job in jobs]

    def _as_served(self, asked: ClipRequest) -> ClipRequest:
        return replace(asked, master=asked.master or self._master, bits=self._bits)

    def begin(self, text: str, asker: Hashable) -> int:
        """A job that is done elsewhere, by whoever calls `finish` or `fail` for it."""
        with self._lock:
            self._last_id += 1
            self._jobs[self._last_id] = _Job(self._last_id, asker, saving=True)
            self._notify(asker, ACCEPTED, self._last_id, text)
            return self._last_id

    def finish(self, job_id: int, file: str, seconds: float, bpm: float, bars: int) -> None:
        """Such a job's clip is in the folder."""
        if job := self._jobs.get(job_id):
            self._tell_progress(job, 1.0)
            self._end(job, DONE, file, seconds, bpm, bars)

    def fail(self, job_id: int, reason: str) -> None:
        """There will be none."""
        if job := self._jobs.get(job_id):
            self._end(job, FAILED, reason)

    def cancel(self, job_id: int) -> None:
        """End a job, waiting or running. Raises BadValue if there is none of this id."""
        with self._lock:
            job = self._jobs.get(job_id)
            if job is None or job.saving:
                raise BadValue(f"there is no clip job {job_id} to cancel: it ended, or never was")
            for batch in self._waiting:
                if job in batch:
                    batch.remove(job)
            self._end(job, FAILED, "cancelled")  # the worker drops what is no longer in _jobs

    def runs(self, job_id: int) -> bool:
        """Whether there is such a job that has not ended."""
        return job_id in self._jobs

    def fault(self, stream: int, reason: str) -> None:
        """Whoever takes the engine's events passes each StreamFault on; others' are ignored."""
        with self._lock:
            if self._rendering:
                self._faults[stream] = reason

    def close(self) -> None:
        """End the worker; what is not finished fails. Safe to call twice."""
        self._closing.set()
        with self._lock:
            self._lock.notify()
        self._worker.join()

    def _work(self) -> None:
        while (batch := self._next()) is not None:
            try:
                self._run(batch)
            except Exception:  # one bad job must not end all later ones
                _log.exception("a clip job broke")
                self._fail(batch, "an error inside sideman: see the server's log, and report it")
        self._fail(list(self._jobs.values()), "the server is stopping")

    def _next(self) -> list[_Asked] | None:
        with self._lock:
            self._lock.wait_for(lambda: self._waiting or self._closing.is_set())
            return None if self._closing.is_set() else self._waiting.popleft()

    def _run(self, batch: list[_Asked]) -> None:
        """Render a batch, and if the engine is lost on the way what is left of it once more."""
        lost: EngineHandle | None = None
        reason = ""
        for _ in range(2):
            if not any(job.id in self._jobs for job in batch):
                return
            try:
                lost = self._wait_for_engine(lost)
                self._render(batch, lost)
                return
            except EngineLost as error:
                reason = str(error)
        self._fail(batch, reason)

    def _wait_for_engine(self, lost: EngineHandle | None) -> EngineHandle:
        """An engine other than the one lost. Raises EngineLost if none comes in time."""
        deadline_s = monotonic_s() + NEW_ENGINE_S
        reason = "it is not running"
        while not self._closing.is_set():
            try:
                handle = self._engine()
                if handle is not lost:
                    return handle
            except EngineError as error:
                reason = str(error)
            if monotonic_s() > deadline_s:
                break
            self._closing.wait(0.02)
        raise EngineLost(f"no engine ({reason}): ask again once it is back")

    def _render(self, batch: Sequence[_Asked], handle: EngineHandle) -> None:
        """Raises EngineLost with some jobs unfinished; every other end of a job is told."""
        renders: dict[_Asked, ClipRender] = {}
        with self._lock:
            self._faults.clear()
            self._rendering = True
        try:
            self._open(batch, handle, renders)
            while renders and not self._closing.is_set():
                moved = [self._step(job, renders, handle.info) for job in list(renders)]
                if not any(moved):
                    self._check_same(handle)
                    self._closing.wait(POLL_S)
        finally:
            self._rendering = False
            for render in renders.values():
                render.close()

    def _open(
        self, batch: Sequence[_Asked], handle: EngineHandle, renders: dict[_Asked, ClipRender]
    ) -> None:
        for job in batch:
            if job.id not in self._jobs:
                continue
            try:
                renders[job] = ClipRender(handle, job.request, self._folder, self._cutting)
            except EngineLost:
                raise
            except SidemanError as error:
                self._fail([job], str(error))
            self._tell_progress(job, 0.0)

    def _check_same(self, handle: EngineHandle) -> None:
        """Raises EngineLost if the engine is no longer the one that runs.

        Whether it is alive its owner finds out: that question is for one thread to ask.
        """
        try:
            same = self._engine() is handle
        except EngineError:
            same = False
        if not same:
            raise EngineLost("the engine died twice while it made this clip: try another prompt")

    def _step(self, job: _Asked, renders: dict[_Asked, ClipRender], engine: EngineInfo) -> bool:
        """Move one job on; it leaves `renders` at its end. Returns whether anything happened."""
        render = renders[job]
        if job.id in self._jobs:
            try:
                self._check_fault(render)
                if not render.pump():
                    return False
                if not render.done:
                    self._tell_progress(job, render.progress)
                    return True
                self._save(job, render.sound, engine)
            except EngineLost:
                raise
            except SidemanError as error:
                self._fail([job], str(error))
        renders.pop(job).close()
        return True

    def _check_fault(self, render: ClipRender) -> None:
        with self._lock:
            reason = self._faults.get(render.stream)
        if reason:
            raise EngineError(reason)

    def _save(self, job: _Asked, sound: Spool, engine: EngineInfo) -> None:
        with self._lock:
            if job.id not in self._jobs:
                return
            job.saving = True
        asked = job.request
        name = clip_name(asked.text, asked.bpm, asked.bars, asked.seed)
        saved = save_clip(self._folder / name, sound, asked, engine)
        if saved.warning:
            _log.warning("%s %s", saved.path.name, saved.warning)
        self._tell_progress(job, 1.0)
        self._end(job, DONE, saved.path.name, len(sound) / engine.rate, asked.bpm, asked.bars)

    def _tell_progress(self, job: _Job, progress: float) -> None:
        now_s = monotonic_s()
        with self._lock:
            due = progress in (0.0, 1.0) or now_s - job.told_s >= PROGRESS_S
            if due and job.id in self._jobs:
                job.told_s = now_s
                self._notify(job.asker, PROGRESS, job.id, progress)

    def _fail(self, jobs: Sequence[_Job], reason: str) -> None:
        for job in jobs:
            self._end(job, FAILED, reason)

    def _end(self, job: _Job, address: str, *args: Value) -> None:
        """Tell a job's end, once."""
        with self._lock:
            if self._jobs.pop(job.id, None):
                self._notify(job.asker, address, job.id, *args)
