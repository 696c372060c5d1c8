"""WAV files, read by others' readers and by one that is spelled out here."""

from __future__ import annotations

import json
import re
import struct
import wave
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from bridge.clips import files
from bridge.clips.files import FolderError
from bridge.clips.riff import Format
from bridge.clips.wav import open_wav, read_info, read_wav, write_blocks, write_wav
from engine.api import Audio
from engine.errors import BadValue, EngineLost
from tests.bridge.clips.samples import clip_info, noise

RATE = 48000
TWO_BARS = 192000
"""4/4 at 120 BPM."""


def chunks_of(path: Path) -> list[tuple[bytes, bytes]]:
    """All chunks, by the book: RIFF's size must be the file's, each chunk padded to even."""
    raw = path.read_bytes()
    riff, size, kind = struct.unpack_from("<4sI4s", raw)
    assert (riff, kind) == (b"RIFF", b"WAVE")
    assert size == len(raw) - 8
    found, at = [], 12
    while at < len(raw):
        name, length = struct.unpack_from("<4sI", raw, at)
        found.append((name, raw[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    assert at == len(raw)
    return found


def test_the_chunks_are_laid_out_as_documented(tmp_path: Path) -> None:
    info = clip_info(
        prompt="café", created=datetime(2026, 11, 22, 9, 5, 7), time_reference_samples=2**32 + 5
    )
    path = write_wav(tmp_path / "a.wav", noise(TWO_BARS), RATE, info).path
    assert [name for name, _ in chunks_of(path)] == [
        b"fmt ", b"bext", b"LIST", b"acid", b"smpl", b"data",
    ]  # fmt: skip
    chunks = dict(chunks_of(path))
    assert struct.unpack("<HHIIHH", chunks[b"fmt "]) == (1, 2, RATE, RATE * 6, 6, 24)
    assert struct.unpack("<IHHfIHHf", chunks[b"acid"]) == (4, 60, 0, 0.0, 8, 4, 4, 120.0)
    smpl = struct.unpack("<15I", chunks[b"smpl"])
    assert smpl[:9] == (0, 0, 20833, 60, 0, 0, 0, 1, 0)
    assert smpl[9:] == (0, 0, 0, TWO_BARS - 1, 0, 0)
    bext = chunks[b"bext"]
    assert bext[:256].rstrip(b"\0") == b"caf?"
    assert bext[256:288].rstrip(b"\0") == b"sideman"
    assert bext[320:338] == b"2026-11-2209:05:07"
    assert struct.unpack_from("<IIH", bext, 338) == (5, 1, 1)
    assert bext[602:] == b"A=PCM,F=48000,W=24,M=stereo,T=sideman groove\r\n"
    assert len(chunks[b"data"]) == TWO_BARS * 6


def test_the_info_list_says_how_the_clip_was_made(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", noise(TWO_BARS), RATE, clip_info(prompt="日本")).path
    body = dict(chunks_of(path))[b"LIST"]
    assert body[:4] == b"INFO"
    texts, at = {}, 4
    while at < len(body):
        name, length = struct.unpack_from("<4sI", body, at)
        texts[name] = body[at + 8 : at + 8 + length].rstrip(b"\0").decode()
        at += 8 + length + length % 2
    assert texts[b"INAM"] == "日本"
    comment = json.loads(texts[b"ICMT"])
    assert (comment["prompt"], comment["seed"], comment["engine"]) == ("日本", 7, "groove")
    assert comment["settings"] == {"top_k": 250}


@pytest.mark.parametrize(
    ("bars", "numerator", "denominator", "bpm"),
    [(4, 4, 4, 120.0), (3, 3, 4, 87.3), (2, 7, 8, 133.0), (8, 6, 8, 61.7), (1, 5, 4, 400.0)],
)
def test_beats_and_length_give_the_tempo(
    tmp_path: Path, bars: int, numerator: int, denominator: int, bpm: float
) -> None:
    samples = round(bars * numerator * 4 / denominator * 60 / bpm * RATE)
    info = clip_info(bars=bars, numerator=numerator, denominator=denominator, bpm=bpm)
    path = write_wav(tmp_path / "a.wav", noise(samples), RATE, info).path
    beats = struct.unpack("<IHHfIHHf", dict(chunks_of(path))[b"acid"])[4]
    one_sample = bpm / samples
    assert 60 * beats / (samples / RATE) == pytest.approx(bpm, abs=one_sample)


def test_a_loop_of_no_whole_number_of_beats_claims_no_tempo_to_acid(tmp_path: Path) -> None:
    info = clip_info(bars=1, numerator=7, denominator=8)
    names = [n for n, _ in chunks_of(write_wav(tmp_path / "a.wav", noise(84000), RATE, info).path)]
    assert b"acid" not in names
    assert b"smpl" in names
    assert read_info(tmp_path / "a.wav") == info


def test_a_length_that_is_off_the_grid_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="192000 samples at 48000 Hz, not 191999"):
        write_wav(tmp_path / "a.wav", noise(TWO_BARS - 1), RATE, clip_info())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("bits", [16, 24, 32])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_others_read_what_we_write(tmp_path: Path, bits: int, channels: int) -> None:
    audio = noise(1001, channels)
    path = write_wav(tmp_path / "a.wav", audio, 44100, bits=bits).path
    chunks_of(path)
    read, rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert rate == 44100
    step = 0.0 if bits == 32 else 2.0 ** (1 - bits)
    assert np.abs(read - audio).max() <= step / 2
    ours = read_wav(path)
    assert np.array_equal(ours.audio, read)
    assert ours.rate == 44100
    if bits != 32:
        with wave.open(str(path)) as file:
            assert (file.getnframes(), file.getsampwidth()) == (1001, bits // 8)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_32", "FLOAT"])
@pytest.mark.parametrize("container", ["WAV", "WAVEX"])
def test_we_read_what_others_write(tmp_path: Path, subtype: str, container: str) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(777), 32000, subtype=subtype, format=container)
    theirs, _ = soundfile.read(path, dtype="float32")
    assert np.array_equal(read_wav(path).audio, theirs)


@pytest.mark.parametrize("subtype", ["PCM_U8", "DOUBLE", "ULAW"])
def test_other_encodings_are_refused_by_name(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(50), 32000, subtype=subtype, format="WAV")
    with pytest.raises(BadValue, match=r"a\.wav .*convert it"):
        read_wav(path)


def test_what_was_read_is_written_back_bit_for_bit(tmp_path: Path) -> None:
    first = write_wav(tmp_path / "a.wav", noise(5000), RATE).path
    again = write_wav(tmp_path / "b.wav", read_wav(first).audio, RATE).path
    assert first.read_bytes() == again.read_bytes()


def test_what_does_not_fit_is_limited_and_counted(tmp_path: Path) -> None:
    audio = np.array([[1.5, -1.0], [np.nan, np.inf], [-1.5, 0.5]], np.float32)
    written = write_wav(tmp_path / "a.wav", audio, RATE, bits=16)
    assert written.limited == 4
    top = 1 - 2.0**-15
    assert read_wav(written.path).audio.tolist() == [[top, -1.0], [0.0, top], [-1.0, 0.5]]


def test_an_old_file_is_never_written_over(tmp_path: Path) -> None:
    paths = [write_wav(tmp_path / "a.wav", noise(10, seed=n), RATE).path for n in range(3)]
    assert [path.name for path in paths] == ["a.wav", "a_2.wav", "a_3.wav"]
    assert len({path.read_bytes() for path in paths}) == 3
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_without_hard_links_it_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    paths = [write_wav(tmp_path / "a.wav", noise(10), RATE).path for _ in range(2)]
    assert [path.name for path in paths] == ["a.wav", "a_2.wav"]
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_on_windows_a_scanner_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renamed = [PermissionError(13, "in use"), PermissionError(13, "in use"), None]
    monkeypatch.setattr(files, "_SCANNED_S", 0.0)
    monkeypatch.setattr(Path, "rename", Mock(side_effect=renamed))
    files._rename_on_windows(tmp_path / "a.part", tmp_path / "a.wav")
    for lasting in (PermissionError, FileExistsError):
        monkeypatch.setattr(Path, "rename", Mock(side_effect=lasting))
        with pytest.raises(lasting):
            files._rename_on_windows(tmp_path / "a.part", tmp_path / "a.wav")


def test_more_than_4_gib_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    endless = np.broadcast_to(np.zeros((1, 2), np.float32), (2**30, 2))
    with pytest.raises(BadValue, match="less than 4 GiB"):
        write_wav(tmp_path / "a.wav", endless, RATE)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(FolderError, match=r"is full: free some space"):
        write_wav(tmp_path / "a.wav", noise(10), RATE)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "clips").write_text("not a folder")
    with pytest.raises(FolderError, match="is not a folder"):
        write_wav(tmp_path / "clips" / "a.wav", noise(10), RATE)


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    assert write_wav(tmp_path / "x" / "y" / "a.wav", noise(10), RATE).path.exists()


def test_a_clip_remembers_everything(tmp_path: Path) -> None:
    info = clip_info(
        prompt="a\0b\n \ud800", bpm=117.3, bars=0, created=datetime.fromisoformat("2026-01-02T03"),
        settings={"prompts": [["x", 0.1]], "deep": {"a": None}},
    )  # fmt: skip
    write_wav(tmp_path / "a.wav", noise(10), RATE, info)
    assert read_info(tmp_path / "a.wav") == info


def test_settings_that_json_cannot_hold_are_refused(tmp_path: Path) -> None:
    info = clip_info(settings={"x": float("nan")})
    with pytest.raises(BadValue, match="cannot be kept"):
        write_wav(tmp_path / "a.wav", noise(TWO_BARS), RATE, info)
    assert list(tmp_path.iterdir()) == []


def one_clip(folder: Path) -> bytes:
    info = clip_info(bars=1, bpm=400.0, numerator=1, denominator=32)
    return write_wav(folder / "whole.wav", noise(900), RATE, info).path.read_bytes()


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    whole = one_clip(tmp_path)
    path = tmp_path / "cut.wav"
    for length in range(0, len(whole), 13):
        path.write_bytes(whole[:length])
        for read in (read_info, read_wav):
            with pytest.raises(BadValue, match=r"^cut\.wav .*$"):
                read(path)


@given(data=st.data())
def test_damage_is_a_bad_value_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("damage")
    raw = bytearray(one_clip(folder))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, 1400))
        raw[at : at + 4] = data.draw(st.binary(max_size=8))
    take_any(folder / "damaged.wav", bytes(raw))


@given(st.one_of(st.binary(), st.binary().map(lambda raw: b"RIFF\0\0\0\0WAVE" + raw)))
def test_any_bytes_are_a_bad_value(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    take_any(tmp_path_factory.mktemp("any") / "any.wav", raw)


def take_any(path: Path, raw: bytes) -> None:
    path.write_bytes(raw)
    for read in (read_info, read_wav):
        reason = ""
        try:
            read(path)
        except BadValue as error:
            reason = str(error)
        assert "\n" not in reason


@pytest.mark.parametrize(
    "comment",
    ["", "{}", "[" * 100000, '{"sideman": 1}', '{"sideman": 1, "bpm": 1e999}', "1" * 5000],
)
def test_a_comment_that_is_not_ours_is_refused(tmp_path: Path, comment: str) -> None:
    raw = comment.encode() + b"\0" * (2 - len(comment) % 2)
    listed = b"INFOICMT" + struct.pack("<I", len(raw)) + raw
    body = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
    body += b"LIST" + struct.pack("<I", len(listed)) + listed + b"data\0\0\0\0"
    (tmp_path / "a.wav").write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    with pytest.raises(BadValue, match=r"^a\.wav "):
        read_info(tmp_path / "a.wav")


def test_a_missing_file_or_a_folder_is_a_bad_value(tmp_path: Path) -> None:
    for path in (tmp_path / "none.wav", tmp_path, tmp_path / "nul\0.wav"):
        with pytest.raises(BadValue, match="check the name"):
            read_info(path)


def test_libsndfile_understands_every_chunk(tmp_path: Path) -> None:
    samples = round(3 * 3 * 60 / 117.3 * RATE)
    info = clip_info(bars=3, numerator=3, bpm=117.3)
    path = write_wav(tmp_path / "a.wav", noise(samples), RATE, info).path
    with soundfile.SoundFile(path) as file:
        assert (file.title, file.comment[:13]) == ("lofi hip hop", '{"sideman": 1')
        log = re.sub(" +", " ", file.extra_info)
    for line in [
        "Flags : 0x0004 (Loop,RootNoteInvalid,StretchOn,RAMBased,??Off)",
        "Beats : 9",
        "Meter : 3/4",
        "Tempo : 117.300003",
        f"Cue ID : 0 Type : 0 Start : 0 End : {samples - 1} Fraction : 0 Count : 0",
    ]:
        assert line in log


def test_a_file_can_be_read_in_pieces(tmp_path: Path) -> None:
    audio = noise(1000)
    path = write_wav(tmp_path / "a.wav", audio, RATE, bits=32).path
    with open_wav(path) as wav:
        assert len(wav) == 1000
        assert np.array_equal(wav.read(900, 950), audio[900:950])
        assert np.array_equal(wav.read(0, 10), audio[:10])
        assert np.array_equal(wav.read(990, 2000), audio[990:])


def test_a_sound_that_breaks_off_leaves_nothing_behind(tmp_path: Path) -> None:
    def blocks() -> Iterator[Audio]:
        yield noise(100)
        raise EngineLost("gone")

    with pytest.raises(EngineLost):
        write_blocks(tmp_path / "a.wav", blocks(), Format(RATE, 2, 24, is_float=False), 200)
    assert list(tmp_path.iterdir()) == []
