"""The model engine in a real server with JACK as its sound card, on a tiny checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.api import Audio
from tests.peers.jack import Recording, jack_server, output_ports, recording
from tests.serving import Server, serving, sideman, until

pytestmark = pytest.mark.peer

RATE = 48_000
PERIOD = 1024
GAIN_DB = -12.0
"""Far below where the limiter begins to work."""
PROMPT = "lofi hip hop, dusty drums"


@contextmanager
def playing(folder: Path) -> Iterator[tuple[Server, Recording]]:
    """A server on the tiny model whose deck 1 is on tape from before its first sample."""
    options = ("--engine", "musicgen", "--model", "tiny", "--output", "system jack")
    with (
        jack_server(RATE, PERIOD),
        serving(folder, *options) as server,
        recording(output_ports("sideman")) as tape,
    ):
        server.send("/deck/1/gain", GAIN_DB)
        server.send("/deck/1/seed", 7)
        server.send("/deck/1/prompt", PROMPT)
        server.send("/deck/1/play")
        yield server, tape


def offline(folder: Path, seconds: float) -> Audio:
    """What `generate` makes of the same prompt, tempo and seed, in the file as it is written."""
    out = folder / "offline.wav"
    done = sideman(
        "generate", PROMPT, "--engine", "musicgen", "--model", "tiny", "--seed", "7",
        "--bpm", "120", "-t", str(seconds), "--rate", str(RATE), "-o", str(out),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    audio, rate = soundfile.read(out, dtype="float32", always_2d=True)
    assert rate == RATE
    return np.asarray(audio)


def place(piece: Audio, whole: Audio) -> int:
    """Where a piece lies in a whole, by cross-correlation; both mono `[samples]`."""
    size = len(whole) + len(piece)
    fit = np.fft.irfft(np.fft.rfft(whole, size) * np.conj(np.fft.rfft(piece, size)), size)
    return int(np.argmax(fit[: len(whole)]))


def test_what_jack_plays_is_what_generate_makes(tmp_path: Path) -> None:
    made = offline(tmp_path, 6.0)
    for _ in range(5):
        with playing(tmp_path) as (server, tape):
            server.play_until(0.1)
            tape.wait(7 * RATE)
            clean = server.status()["xruns"] == 0
            heard = tape.audio()
        if clean:
            break
    assert clean, "not one take of seven seconds without an xrun"
    # The first samples are faded in; a file that peaked above -1 dBFS was turned down.
    piece = made[RATE // 10 :, 0]
    at = place(piece, heard[:, 0])
    played = heard[at : at + len(piece)]
    assert len(played) == len(piece)
    gain = float(played[:, 0] @ piece / (piece @ piece))
    assert gain >= 10 ** (GAIN_DB / 20) * 0.999
    np.testing.assert_allclose(played[:, 0], gain * piece, atol=1e-6)
    np.testing.assert_array_equal(played[:, 0], played[:, 1])


def test_every_knob_is_heard_and_none_makes_a_gap(tmp_path: Path) -> None:
    """Each change is heard: from it on the tape is not what the unchanged stream would play."""
    changes: list[tuple[str, tuple[float | str, ...]]] = [
        ("/deck/1/temperature", (0.4,)),
        ("/deck/1/top_k", (5,)),
        ("/deck/1/guidance", (6.0,)),
        ("/deck/1/prompt", ("dark techno, drums",)),
        ("/deck/1/prompt", ("jazz", 1.0, "dark techno", 2.0)),
        ("/tempo", (128.0,)),
        ("/key", ("A minor",)),
    ]
    with playing(tmp_path) as (server, tape):
        server.play_until(2)
        for address, values in changes:
            server.send(address, *values)
            server.sync()
            server.play_until(server.position() + 1)
        looped = server.ask("/deck/1/state")
        tape.wait(RATE // 2)
        heard = tape.audio()[:, 0]
    assert looped == ("playing",)
    sounding = heard[np.flatnonzero(heard)[0] + RATE // 10 :]
    blocks = np.abs(sounding[: len(sounding) // 480 * 480]).reshape(-1, 480).max(axis=1)
    assert blocks.min() > 1e-3  # 10 ms of silence would be a gap in this noise


def test_decks_play_on_while_another_listens_to_a_recording(tmp_path: Path) -> None:
    with playing(tmp_path) as (server, tape):
        server.play_until(1)
        server.send("/clip/render", PROMPT, 2, 3)
        until(lambda: bool(list(server.clips.glob("*.wav"))), "no clip")
        (clip,) = server.clips.glob("*.wav")
        server.send("/deck/2/continue", clip.name)
        until(lambda: server.ask("/deck/2/state") == ("playing",), "deck 2 does not go on")
        server.play_until(server.position() + 2)
        heard = tape.audio()[:, 0]
    sounding = heard[np.flatnonzero(heard)[0] + RATE // 10 :]
    blocks = np.abs(sounding[: len(sounding) // 480 * 480]).reshape(-1, 480).max(axis=1)
    assert blocks.min() > 1e-3
