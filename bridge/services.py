"""What a running server offers beside the session: clips, recordings, and word of them.

Threading: called on the conductor's thread; what the workers have to tell arrives on theirs.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Hashable
from datetime import datetime
from pathlib import Path
from queue import SimpleQueue
from typing import cast

from bridge.clips.audition import Sound, read_sound
from bridge.clips.capture import Captures
from bridge.clips.files import FolderError, shown
from bridge.clips.folder import ClipItem, list_clips, sweep
from bridge.clips.jobs import DONE, RenderJobs
from bridge.clips.keeping import CAME, CHANGED, Change, Shelf
from bridge.clips.opening import read_opening
from bridge.clips.recorder import Recorded, Recorder
from bridge.clips.request import ClipRequest
from bridge.decks.recall import Taken
from bridge.osc.client import Client
from bridge.osc.feedback import Feedback
from bridge.row import Value
from bridge.warp.lock import Cut
from bridge.warp.stretch import cut
from engine import api
from engine.api import EngineHandle, StreamFault
from engine.errors import BadValue, SidemanError

_log = logging.getLogger(__name__)

MAX_LOOKS = 16
"""Looks into the folder that may wait: lists of the clips, files to go on from."""

MAX_CHANGES = 512
"""The same of changes, which are quick: a whole folder is picked out and deleted."""


_SEPARATORS = set("/\\:")
"""Whatever the system: of folders, and of a drive or a stream within a file on Windows."""


class News:
    """Tells whoever asked for something, and every subscriber, what became of it."""

    def __init__(self, feedback: Feedback) -> None:
        self._feedback = feedback

    def tell(self, asker: object, address: str, /, *values: Value) -> None:
        client = cast(Client | None, asker)
        if client is not None and not self._feedback.hears(client, address):
            client.send(address, *values)
        self._feedback.event(address, *values)


def clips_folder(folder: Path) -> Path:
    """The folder, made if need be, without what crashed servers left. Raises FolderError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FolderError(
            f"clips folder {folder}: {error.strerror}; name another with --clips"
        ) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise FolderError(f"clips folder {folder} cannot be written; name another with --clips")
    sweep(folder)
    return folder


class Clips:
    """The clips folder and the jobs that fill it."""

    def __init__(
        self,
        folder: Path,
        engine: Callable[[], EngineHandle],
        news: News,
        *,
        rate: int = 48000,
        master: bool = False,
        bits: int = 24,
        cutting: Cut = cut,
    ) -> None:
        """`rate` of what is played, `bits` of the files; `cutting`: where it is stretched.

        Raises NotInstalled if clips are to be mastered and the library for it is missing.
        """
        self.folder = folder
        self._news = news
        self._rate = rate
        self.shelf = Shelf(folder)
        self.jobs = RenderJobs(
            engine, folder, self._tell, master=master, bits=bits, cutting=cutting
        )
        self._captures = Captures(folder, rate, self.jobs, bits, cutting)
        self._engine = engine
        self._looks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        # A folder of some hundred files takes longer to read than the sound can wait.
        threading.Thread(target=self._look, name="clip-list", daemon=True).start()

    def submit(self, requests: list[ClipRequest], asker: Client | None) -> list[int]:
        return self.jobs.submit(requests, cast(Hashable, asker))

    def capture(self, taken: Taken, asker: Client | None) -> int:
        return self._captures.submit(taken, cast(Hashable, asker))

    def cancel(self, job: int) -> None:
        self.jobs.cancel(job)

    def runs(self, job: int) -> bool:
        return self.jobs.runs(job)

    def _tell(self, asker: object, address: str, /, *values: Value) -> None:
        """What becomes of a job; and of the folder, once its clip is there."""
        self._news.tell(asker, address, *values)
        if address == DONE:
            self._news.tell(asker, CHANGED, values[1], CAME, values[1])

    def list(self, then: Callable[[list[ClipItem]], None]) -> None:
        self._look_for(lambda: then(list_clips(self.folder)))

    def find(self, name: str) -> Path:
        path = self.folder / name
        try:
            known = path.name == name and not _SEPARATORS & set(name) and path.is_file()
        except (OSError, ValueError):
            known = False
        if not known:
            raise BadValue(f"there is no clip {shown(name)!r} in {shown(str(self.folder))}")
        return path

    def read(self, name: str, then: Callable[[api.Recording | SidemanError], None]) -> None:
        path = self.find(name)
        self._look_for(lambda: then(self._opening(path)))

    def keep(
        self,
        change: Callable[[Shelf], Change],
        asker: Client | None,
        then: Callable[[SidemanError | None], None],
    ) -> None:
        def look() -> None:
            try:
                changed = change(self.shelf)
            except SidemanError as error:
                then(error)
            else:
                self._news.tell(asker, CHANGED, changed.file, changed.what, changed.now)
                then(None)

        self._look_for(look, MAX_CHANGES)

    def sound(self, name: str, then: Callable[[Sound | SidemanError], None]) -> None:
        def look() -> None:
            try:
                then(read_sound(self.find(name), self._rate))
            except SidemanError as error:
                then(error)

        self._look_for(look)

    def _opening(self, path: Path) -> api.Recording | SidemanError:
        """The end of a recording, in one channel if the engine has no more."""
        try:
            recording = read_opening(path).recording
            if self._engine().info.channels > 1:
                return recording
        except SidemanError as error:
            return error
        # What is not needed would be sent to the engine all the same, while the sound waits.
        return api.Recording(recording.audio.mean(axis=1, keepdims=True), recording.rate)

    def _look_for(self, look: Callable[[], None], most: int = MAX_LOOKS) -> None:
        if self._looks.qsize() >= most:
            raise BadValue(f"busy: {most} looks into the clips folder wait already")
        self._looks.put(look)

    def _look(self) -> None:
        while (look := self._looks.get()) is not None:
            try:
                look()
            except Exception:  # the next one must find a worker
                _log.exception("a look into the clips folder broke")

    def close(self) -> None:
        """Fails what is not finished. Safe to call twice."""
        self._looks.put(None)
        self._captures.close()
        self.jobs.close()

    def fault(self, fault: StreamFault) -> None:
        self.jobs.fault(fault.stream, fault.reason)


class Recording:
    """The master's recorder, and who asked for it."""

    def __init__(self, folder: Path, rate: int, news: News) -> None:
        self.recorder = Recorder(folder, rate, self._done)
        self._news = news
        self._asker: Client | None = None

    @property
    def running(self) -> bool:
        return self.recorder.recording

    def start(self, asker: Client | None) -> None:
        self._asker = asker
        self.recorder.start(datetime.now())

    def stop(self) -> None:
        self.recorder.stop()

    def _done(self, recorded: Recorded) -> None:
        if recorded.reason:
            self._news.tell(self._asker, "/error", "/record", recorded.reason)
        if recorded.dropped_blocks:
            lost = f"the disk was too slow: {recorded.dropped_blocks} blocks are silent"
            self._news.tell(self._asker, "/error", "/record", lost)
        if recorded.file:
            self._news.tell(self._asker, "/record/done", recorded.file, recorded.seconds)
            self._news.tell(self._asker, CHANGED, recorded.file, CAME, recorded.file)
