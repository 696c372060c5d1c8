"""Recordings: every sample in place, and the most of it kept whatever the disk does."""

from __future__ import annotations

import errno
import os
import queue
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bridge.clips import take as take_module
from bridge.clips.files import write_all
from bridge.clips.recorder import QUEUE_S, Recorded, Recorder
from bridge.clips.wav import read_wav
from engine.api import Audio
from tests.bridge.clips.samples import noise

RATE = 8000
AT = datetime(2026, 11, 22, 9, 5, 7)
NAME = "master_2026-11-22_09-05-07.wav"
PATIENCE_S = 30.0


class Studio:
    """A recorder and what it has told."""

    def __init__(self, folder: Path, channels: int = 2) -> None:
        self.folder = folder
        self.told: queue.Queue[Recorded] = queue.Queue()
        self.recorder = Recorder(folder, RATE, self.told.put, channels)

    def record(self, audio: Audio, block: int = 256) -> Recorded:
        self.recorder.start(AT)
        for at in range(0, len(audio), block):
            self.recorder.feed(audio[at : at + block])
        self.recorder.stop()
        return self.next()

    def next(self) -> Recorded:
        return self.told.get(timeout=PATIENCE_S)


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    studio = Studio(tmp_path)
    yield studio
    studio.recorder.close()


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_every_sample_is_recorded(studio: Studio) -> None:
    audio = noise(30001)
    assert studio.record(audio) == Recorded(NAME, 30001 / RATE, 0, "")
    read, rate = soundfile.read(studio.folder / NAME, dtype="float32")
    assert rate == RATE
    np.testing.assert_allclose(read, audio, atol=2**-24)
    assert [path.name for path in studio.folder.iterdir()] == [NAME]


def test_nothing_is_kept_before_the_start_and_after_the_stop(studio: Studio) -> None:
    studio.recorder.feed(noise(100))
    studio.recorder.stop()
    assert not studio.recorder.recording
    recorded = studio.record(noise(100))
    studio.recorder.feed(noise(100))
    assert recorded.seconds == 100 / RATE
    assert len(read_wav(studio.folder / NAME).audio) == 100


def test_a_block_may_be_used_again_once_it_was_fed(studio: Studio) -> None:
    block = noise(256)
    kept = block.copy()
    studio.recorder.start(AT)
    studio.recorder.feed(block)
    block[:] = 0
    studio.recorder.stop()
    studio.next()
    np.testing.assert_allclose(read_wav(studio.folder / NAME).audio, kept, atol=2**-24)


def test_a_second_recording_gets_a_file_of_its_own(studio: Studio) -> None:
    assert studio.record(noise(10)).file == NAME
    assert studio.record(noise(20)).file == NAME.replace(".wav", "_2.wav")
    assert len(read_wav(studio.folder / NAME).audio) == 10


def test_a_start_while_recording_changes_nothing(studio: Studio) -> None:
    studio.recorder.start(AT)
    studio.recorder.feed(noise(10))
    studio.recorder.start(AT)
    studio.recorder.feed(noise(10))
    studio.recorder.stop()
    assert studio.next() == Recorded(NAME, 20 / RATE, 0, "")
    assert studio.told.empty()


def test_an_odd_number_of_bytes_is_padded(tmp_path: Path) -> None:
    studio = Studio(tmp_path, channels=1)
    studio.record(noise(333, channels=1))
    studio.recorder.close()
    assert (tmp_path / NAME).stat().st_size % 2 == 0
    assert len(read_wav(tmp_path / NAME).audio) == 333


def test_closing_finishes_a_running_recording(studio: Studio) -> None:
    studio.recorder.start(AT)
    studio.recorder.feed(noise(500))
    studio.recorder.close()
    assert studio.next() == Recorded(NAME, 500 / RATE, 0, "")
    assert len(read_wav(studio.folder / NAME).audio) == 500


def test_what_a_crash_leaves_behind_plays(studio: Studio) -> None:
    audio = noise(3 * RATE)
    take = take_module.Take(studio.folder, RATE, 2, AT)
    take.write(audio)
    part = studio.folder / f"{NAME}.part"
    np.testing.assert_allclose(read_wav(part).audio, audio, atol=2**-24)
    take.finish()


def test_a_file_that_may_not_grow_is_kept_as_far_as_it_goes(studio: Studio) -> None:
    audio = noise(2 * RATE)
    with files_no_larger_than(50_000):
        studio.recorder.start(AT)
        for at in range(0, len(audio), 256):
            studio.recorder.feed(audio[at : at + 256])
        recorded = studio.next()
    assert recorded.file == NAME
    assert "larger than" in recorded.reason
    assert recorded.seconds == (50_000 - 44) // 6 / RATE
    assert not studio.recorder.recording
    kept = read_wav(studio.folder / NAME).audio
    np.testing.assert_allclose(kept, audio[: len(kept)], atol=2**-24)
    studio.recorder.stop()
    assert studio.record(noise(10)).reason == ""


def test_a_disk_full_from_the_start_is_told_and_leaves_nothing(studio: Studio) -> None:
    with files_no_larger_than(10):
        studio.recorder.start(AT)
        recorded = studio.next()
    assert (recorded.file, recorded.seconds) == ("", 0.0)
    assert "make it shorter" in recorded.reason
    assert list(studio.folder.iterdir()) == []
    assert studio.record(noise(10)).file == NAME


def test_a_recording_that_cannot_be_put_in_place_says_where_it_lies(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    recorded = studio.record(noise(100))
    assert recorded.file == ""
    assert f"the recording lies in {NAME}.part" in recorded.reason
    assert len(read_wav(studio.folder / f"{NAME}.part").audio) == 100


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights")
def test_a_folder_that_cannot_be_written_to_is_told(studio: Studio) -> None:
    studio.folder.chmod(0o500)
    try:
        if os.access(studio.folder, os.W_OK):
            pytest.skip("this user may write everywhere")
        recorded = studio.record(noise(10))
    finally:
        studio.folder.chmod(0o700)
    assert "cannot be written to" in recorded.reason


def test_a_disk_too_slow_leaves_silence_and_never_holds_up_the_music(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = threading.Event()

    def slow(*args: object) -> None:
        assert disk.wait(PATIENCE_S)
        write_all(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(take_module, "write_all", slow)
    block, blocks = 1000, round(QUEUE_S * RATE / 1000)
    audio = noise((blocks + 3) * block)
    studio.recorder.start(AT)
    for at in range(0, len(audio), block):
        studio.recorder.feed(audio[at : at + block])  # would hang here if it waited for the disk
    studio.recorder.stop()
    disk.set()
    recorded = studio.next()
    assert (recorded.file, recorded.reason) == (NAME, "")
    assert recorded.dropped_blocks == 3
    kept = read_wav(studio.folder / NAME).audio
    assert len(kept) == len(audio)
    heard = len(audio) - recorded.dropped_blocks * block
    np.testing.assert_allclose(kept[:heard], audio[:heard], atol=2**-24)
    assert not kept[heard:].any()


def test_a_recording_ends_before_4_gib(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.clips.riff.MAX_FILE_BYTES", 10_000)
    studio.recorder.start(AT)
    for _ in range(10):
        studio.recorder.feed(noise(256))
    recorded = studio.next()
    assert "4 GiB" in recorded.reason
    assert len(read_wav(studio.folder / NAME).audio) == 6 * 256
