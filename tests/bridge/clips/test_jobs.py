"""Background renders as their asker sees them."""

from __future__ import annotations

import errno
import threading
from collections.abc import Hashable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bridge.clips import jobs as jobs_module
from bridge.clips.folder import list_clips
from bridge.clips.jobs import TOGETHER, WAITING, RenderJobs
from bridge.clips.request import ClipRequest, mastering_of
from bridge.clips.wav import read_info, read_wav
from bridge.row import Value
from engine.api import EngineHandle, StreamFault, WeightedPrompt
from engine.errors import BadValue, EngineLost
from tests.bridge.clips.handles import WatchedEngine
from tests.bridge.clips.rendering import render_clip

PATIENCE_S = 30.0

Notice = tuple[Hashable, str, tuple[Value, ...]]


def request(prompt: str = "lofi", bars: int = 1, seed: int = 5) -> ClipRequest:
    return ClipRequest((WeightedPrompt(prompt),), bars=bars, bpm=240.0, seed=seed)


class Server:
    """Jobs, the engine behind them, and everything that was told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.engine: EngineHandle | None = WatchedEngine()
        self.told: list[Notice] = []
        self._changed = threading.Condition()
        self.jobs = RenderJobs(self._running, folder, self._tell)

    def _running(self) -> EngineHandle:
        if self.engine is None:
            raise EngineLost("it is being restarted")
        return self.engine

    def _tell(self, asker: Hashable, address: str, /, *args: Value) -> None:
        with self._changed:
            self.told.append((asker, address, args))
            self._changed.notify_all()

    def life(self, job: int) -> list[tuple[str, tuple[Value, ...]]]:
        """What was told of one job, without its id."""
        return [(address, args[1:]) for _, address, args in self.told if args[0] == job]

    def end(self, job: int) -> tuple[str, tuple[Value, ...]]:
        """Wait for a job's end and return it."""
        with self._changed:
            ended = self._changed.wait_for(
                lambda: self.life(job)[-1][0] in ("/clip/done", "/clip/failed"), PATIENCE_S
            )
        assert ended, f"job {job} does not end: {self.life(job)}"
        return self.life(job)[-1]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.jobs.close()


class Gate:
    """Holds the engine up at its first read."""

    def __init__(self, server: Server) -> None:
        self.reached = threading.Event()
        self._open = threading.Event()
        server.engine = WatchedEngine(self._pass)

    def _pass(self, _: int) -> None:
        self.reached.set()
        assert self._open.wait(PATIENCE_S)

    def open(self) -> None:
        self._open.set()


def test_a_job_lives_from_accepted_to_done(server: Server) -> None:
    (job,) = server.jobs.submit([request(bars=2)], "asker")
    assert server.end(job) == ("/clip/done", ("lofi_240bpm_2bars_5.wav", 2.0, 240.0, 2))
    life = server.life(job)
    assert life[0] == ("/clip/accepted", ("lofi",))
    progress = [args[0] for address, args in life[1:-1]]
    assert {address for address, _ in life[1:-1]} == {"/clip/progress"}
    assert (progress[0], progress[-1]) == (0.0, 1.0)
    assert all(asker == "asker" for asker, _, _ in server.told)
    assert [item.file for item in list_clips(server.folder)] == ["lofi_240bpm_2bars_5.wav"]


def test_progress_is_told_now_and_then_only(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_module, "PROGRESS_S", 1e9)
    job = server.jobs.submit([request(bars=8)], None)[0]
    server.end(job)
    told = [args[0] for address, args in server.life(job) if address == "/clip/progress"]
    assert told == [0.0, 1.0]
    assert isinstance(server.engine, WatchedEngine)
    assert server.engine.reads > 2


def test_the_file_is_what_generate_would_write(server: Server) -> None:
    (job,) = server.jobs.submit([request()], None)
    server.end(job)
    path = server.folder / "lofi_240bpm_1bars_5.wav"
    np.testing.assert_allclose(
        read_wav(path).audio, render_clip(WatchedEngine(), request()), atol=2**-24
    )
    assert read_info(path).seed == 5


def test_where_all_clips_are_mastered_the_file_says_how(server: Server) -> None:
    pytest.importorskip("pyloudnorm")
    mastering = RenderJobs(server._running, server.folder, server._tell, master=True)
    server.end(mastering.submit([request(bars=2)], None)[0])
    mastering.close()
    kept = mastering_of(read_info(server.folder / "lofi_240bpm_2bars_5.wav"))
    assert kept is not None
    assert kept.lufs == pytest.approx(-16, abs=0.5)


def test_a_clip_that_cannot_be_mastered_is_made_and_logged(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("pyloudnorm")
    scrap = replace(request(), numerator=1, bpm=400.0, master=True)
    assert server.end(server.jobs.submit([scrap], None)[0])[0] == "/clip/done"
    assert "lofi_400bpm_1bars_5.wav is silent or shorter" in caplog.text


def test_the_same_job_again_gets_a_name_of_its_own_and_the_same_samples(server: Server) -> None:
    for _ in range(2):
        server.end(server.jobs.submit([request()], None)[0])
    first, second = sorted(server.folder.iterdir())
    assert (first.name, second.name) == ("lofi_240bpm_1bars_5.wav", "lofi_240bpm_1bars_5_2.wav")
    assert np.array_equal(read_wav(first).audio, read_wav(second).audio)


def test_a_batch_goes_through_the_engine_together(server: Server) -> None:
    prompts = ["lofi", "jazz", "dub"]
    ids = server.jobs.submit([request(prompt) for prompt in prompts], None)
    assert ids == [1, 2, 3]
    files = [server.end(job)[1][0] for job in ids]
    assert files == [f"{prompt}_240bpm_1bars_5.wav" for prompt in prompts]
    assert isinstance(server.engine, WatchedEngine)
    assert server.engine.read_streams[:3] == [1, 2, 3]


def test_a_long_batch_is_cut_into_passes(server: Server) -> None:
    gate = Gate(server)
    ids = server.jobs.submit([request(seed=n) for n in range(TOGETHER + 2)], None)
    assert gate.reached.wait(PATIENCE_S)
    assert isinstance(server.engine, WatchedEngine)
    assert len(server.engine.opened) == TOGETHER
    gate.open()
    assert {server.end(job)[0] for job in ids} == {"/clip/done"}


def test_too_many_waiting_jobs_are_refused_whole(server: Server) -> None:
    gate = Gate(server)
    server.jobs.submit([request()], None)
    assert gate.reached.wait(PATIENCE_S)
    last = server.jobs.submit([request()] * WAITING, None)[-1]
    told = len(server.told)
    with pytest.raises(BadValue, match="busy: 64 clips are waiting"):
        server.jobs.submit([request()], None)
    assert len(server.told) == told
    server.jobs.cancel(last)
    assert server.jobs.submit([request()], None) == [last + 1]
    gate.open()


def test_a_running_job_is_cancelled_and_leaves_nothing(server: Server) -> None:
    gate = Gate(server)
    running, sibling = server.jobs.submit([request(), request("jazz")], None)
    assert gate.reached.wait(PATIENCE_S)
    server.jobs.cancel(running)
    assert server.life(running)[-1] == ("/clip/failed", ("cancelled",))
    gate.open()
    assert server.end(sibling)[0] == "/clip/done"
    assert [path.name for path in server.folder.iterdir()] == ["jazz_240bpm_1bars_5.wav"]
    assert server.life(running)[-1] == ("/clip/failed", ("cancelled",))


def test_a_waiting_job_is_cancelled_before_the_engine_hears_of_it(server: Server) -> None:
    gate = Gate(server)
    running = server.jobs.submit([request()], None)[0]
    assert gate.reached.wait(PATIENCE_S)
    waiting = server.jobs.submit([request("jazz")], None)[0]
    server.jobs.cancel(waiting)
    gate.open()
    assert server.end(waiting) == ("/clip/failed", ("cancelled",))
    assert server.end(running)[0] == "/clip/done"
    server.end(server.jobs.submit([request("dub")], None)[0])
    assert isinstance(server.engine, WatchedEngine)
    texts = [steering.prompts[0].text for steering in server.engine.opened]
    assert texts == ["lofi", "dub"]


def test_an_unknown_or_finished_job_cannot_be_cancelled(server: Server) -> None:
    job = server.jobs.submit([request()], None)[0]
    server.end(job)
    for unknown in (job, 99, -1):
        with pytest.raises(BadValue, match=f"no clip job {unknown}"):
            server.jobs.cancel(unknown)


def test_a_prompt_that_breaks_its_stream_fails_alone(server: Server) -> None:
    engine = WatchedEngine()

    def pass_faults_on(_: int) -> None:
        for event in engine.poll():
            if isinstance(event, StreamFault):
                server.jobs.fault(event.stream, event.reason)

    engine.on_read = pass_faults_on
    server.engine = engine
    bad, good = server.jobs.submit([request("!crash"), request("jazz")], None)
    address, args = server.end(bad)
    assert address == "/clip/failed"
    assert "told to crash" in str(args[0])
    assert server.end(good)[0] == "/clip/done"


def test_a_job_survives_the_death_of_its_engine(server: Server) -> None:
    def die(reads: int) -> None:
        if reads == 2:
            mortal.shutdown()
            server.engine = None
            threading.Timer(0.05, setattr, (server, "engine", WatchedEngine())).start()

    mortal = server.engine = WatchedEngine(die)
    ids = server.jobs.submit([request(bars=4), request("jazz", bars=4)], None)
    assert [server.end(job)[0] for job in ids] == ["/clip/done", "/clip/done"]
    audio = read_wav(server.folder / "lofi_240bpm_4bars_5.wav").audio
    np.testing.assert_allclose(audio, render_clip(WatchedEngine(), request(bars=4)), atol=2**-24)


def test_a_dead_engine_that_nobody_has_noticed_yet_is_not_asked_again(server: Server) -> None:
    dead = WatchedEngine()
    dead.shutdown()
    server.engine = dead
    replace = threading.Timer(0.1, setattr, (server, "engine", WatchedEngine()))
    replace.start()
    assert server.end(server.jobs.submit([request()], None)[0])[0] == "/clip/done"
    assert len(dead.opened) == 1


def test_a_job_that_kills_two_engines_fails(server: Server) -> None:
    def die(reads: int) -> None:
        if reads == 2:
            assert server.engine is not None
            server.engine.shutdown()
            server.engine = WatchedEngine(die)

    server.engine = WatchedEngine(die)
    address, args = server.end(server.jobs.submit([request(bars=4)], None)[0])
    assert (address, "died twice" in str(args[0])) == ("/clip/failed", True)
    server.engine = WatchedEngine()
    assert server.end(server.jobs.submit([request()], None)[0])[0] == "/clip/done"


def test_without_an_engine_a_job_fails_in_the_end(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_module, "NEW_ENGINE_S", 0.1)
    server.engine = None
    address, args = server.end(server.jobs.submit([request()], None)[0])
    assert address == "/clip/failed"
    assert args == ("no engine (it is being restarted): ask again once it is back",)


def test_a_full_disk_fails_the_job_with_the_remedy(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        address, args = server.end(server.jobs.submit([request()], None)[0])
    assert address == "/clip/failed"
    assert "is full: free some space" in str(args[0])
    assert list(server.folder.iterdir()) == []
    assert server.end(server.jobs.submit([request()], None)[0])[0] == "/clip/done"


def test_a_folder_that_is_gone_is_made_again(server: Server) -> None:
    server.folder.rmdir()
    assert server.end(server.jobs.submit([request()], None)[0])[0] == "/clip/done"


def test_a_bug_fails_the_job_and_not_the_worker(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(jobs_module, "save_clip", None)
        address, args = server.end(server.jobs.submit([request()], None)[0])
    assert (address, "see the server's log" in str(args[0])) == ("/clip/failed", True)
    assert "a clip job broke" in caplog.text
    assert server.end(server.jobs.submit([request()], None)[0])[0] == "/clip/done"


def test_closing_fails_what_is_not_finished(server: Server) -> None:
    server.engine = None
    ids = server.jobs.submit([request(), request("jazz")], None) + server.jobs.submit(
        [request("dub")], None
    )
    server.jobs.close()
    server.jobs.close()
    assert [server.life(job)[-1][0] for job in ids] == ["/clip/failed"] * 3
    with pytest.raises(BadValue):
        server.jobs.submit([request()], None)
