"""What others' programs read out of our clips: ffprobe, sox, and wavinfo, a chunk reader for sound
archives."""

from __future__ import annotations

import json
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bridge.clips.wav import write_wav
from tests.bridge.clips.samples import clip_info, noise
from tests.peers.conftest import need

wavinfo: Any = pytest.importorskip("wavinfo")

RATE = 48000
TWO_BARS = 192000
"""4/4 at 120 BPM."""
REFERENCE = 2**32 + 5


def clip(folder: Path, bits: int) -> Path:
    info = clip_info(
        prompt="night drive",
        created=datetime(2026, 1, 2, 3, 4, 5),
        time_reference_samples=REFERENCE,
    )
    return write_wav(folder / "a.wav", noise(TWO_BARS), RATE, info, bits).path


@pytest.mark.parametrize("bits", [16, 24, 32])
def test_wavinfo_reads_every_chunk_back(tmp_path: Path, bits: int) -> None:
    read = wavinfo.WavInfoReader(str(clip(tmp_path, bits)))
    fmt = read.fmt
    assert (fmt.channel_count, fmt.sample_rate, fmt.bits_per_sample) == (2, RATE, bits)
    assert read.data.frame_count == TWO_BARS
    bext = read.bext.to_dict()
    assert (bext["originator"], bext["originator_ref"]) == ("sideman", "groove seed 7")
    assert (bext["originator_date"], bext["originator_time"]) == ("2026-01-02", "03:04:05")
    assert (bext["description"], bext["time_reference"]) == ("night drive", REFERENCE)
    info = read.info.to_dict()
    assert info["title"] == "night drive"
    assert json.loads(info["comment"])["settings"] == {"top_k": 250}
    (loop,) = read.smpl.to_dict()["loops"]
    assert (loop["loop_type_description"], loop["repetition_count"]) == ("FORWARD", 0)
    assert (loop["start_samples"], loop["end_samples"]) == (0, TWO_BARS - 1)


@pytest.mark.parametrize(
    ("bits", "codec"), [(16, "pcm_s16le"), (24, "pcm_s24le"), (32, "pcm_f32le")]
)
def test_ffprobe_reads_it(tmp_path: Path, bits: int, codec: str) -> None:
    words = [need("ffprobe"), "-v", "error", "-show_format", "-show_streams", "-of", "json"]
    told = json.loads(subprocess.check_output([*words, str(clip(tmp_path, bits))]))
    (stream,) = told["streams"]
    assert (stream["codec_name"], stream["sample_rate"], stream["channels"]) == (codec, "48000", 2)
    assert stream["duration_ts"] == TWO_BARS
    tags = told["format"]["tags"]
    assert tags["title"] == "night drive"
    assert tags["encoded_by"] == "sideman"
    assert int(tags["time_reference"]) == REFERENCE


@pytest.mark.parametrize(
    ("bits", "encoding"), [(16, "Signed Integer"), (24, "Signed Integer"), (32, "Floating Point")]
)
def test_sox_reads_it(tmp_path: Path, bits: int, encoding: str) -> None:
    path = str(clip(tmp_path, bits))

    def soxi(option: str) -> str:
        return subprocess.check_output([need("soxi"), option, path], text=True).strip()

    assert (soxi("-s"), soxi("-r"), soxi("-c"), soxi("-b")) == ("192000", "48000", "2", str(bits))
    assert encoding in soxi("-e")
