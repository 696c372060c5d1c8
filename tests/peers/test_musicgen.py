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
BEFORE: dict[str, float | str] = {
    "/tempo": 120.0,
    "/key": "",
    "/position": 0.0,
    "/deck/1/gain": GAIN_DB,
    "/deck/1/seed": 7,
    "/deck/1/prompt": PROMPT,
    "/deck/1/temperature": 0.85,
    "/deck/1/top_k": 250,
    "/deck/1/guidance": 3.0,
}
"""What every test begins with."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests here: a model takes some seconds to load."""
    options = ("--engine", "musicgen", "--model", "tiny", "--output", "system jack", "--no-midi")
    with jack_server(RATE, PERIOD), serving(tmp_path_factory.mktemp("server"), *options) as running:
        yield running


@contextmanager
def playing(server: Server) -> Iterator[Recording]:
    """Deck 1 on tape from before the first sample of a new stream."""
    for address, value in BEFORE.items():
        server.send(address, value)
    server.send("/stop")
    server.sync()
    with recording(output_ports("sideman")) as tape:
        server.send("/deck/1/play")
        yield tape
    server.send("/panic")
    server.send("/stop")
    server.sync()


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


def test_what_jack_plays_is_what_generate_makes(server: Server, unchanged: Audio) -> None:
    made = unchanged[: 6 * RATE]
    for _ in range(5):
        with playing(server) as tape:
            before = server.status()["xruns"]
            server.play_until(0.1)
            tape.wait(7 * RATE)
            clean = server.status()["xruns"] == before
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


@pytest.mark.parametrize(
    ("address", "values"),
    [
        ("/deck/1/temperature", (0.4,)),
        ("/deck/1/top_k", (5,)),
        ("/deck/1/guidance", (6.0,)),
        ("/deck/1/seed", (8,)),
        ("/deck/1/prompt", ("dark techno, drums",)),
        ("/deck/1/prompt", (PROMPT, 1.0, "dark techno", 2.0)),
        ("/tempo", (140.0,)),
        ("/key", ("A minor",)),
    ],
    ids="temperature top_k guidance seed prompt blend tempo key".split(),
)
def test_a_change_while_it_plays_is_heard_without_a_gap(
    server: Server, unchanged: Audio, address: str, values: tuple[float | str, ...]
) -> None:
    """Up to the change the tape has what `generate` makes, from there on something else."""
    with playing(server) as tape:
        server.play_until(5)
        server.send(address, *values)
        server.sync()
        server.play_until(server.position() + 3)
        heard = tape.audio()[:, 0]
        assert server.ask("/deck/1/state") == ("playing",)
    first = np.flatnonzero(heard)[0] + RATE // 10
    head = heard[first : first + RATE]
    at = place(head, unchanged[:, 0])
    same = unchanged[at : at + len(heard) - first, 0]
    gain = float(head @ same[:RATE] / (same[:RATE] @ same[:RATE]))
    error = np.abs(heard[first : first + len(same)] - gain * same)
    changed = np.flatnonzero(error > 1e-3)[0]
    assert RATE < changed < len(error) - RATE
    assert error[changed + RATE // 2 :].mean() > 1e-2
    assert quietest(heard[first:]) > 1e-3


def quietest(audio: Audio) -> float:
    """The peak of the most silent 10 ms: a gap has none, and this noise never rests."""
    blocks = np.abs(audio[: len(audio) // 480 * 480]).reshape(-1, 480)
    return float(blocks.max(axis=1).min())


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Audio:
    return offline(tmp_path_factory.mktemp("offline"), 8.0)


def test_decks_play_on_while_another_listens_to_a_recording(server: Server) -> None:
    with playing(server) as tape:
        server.play_until(1)
        server.send("/clip/render", PROMPT, 2, 3)
        until(lambda: bool(list(server.clips.glob("*.wav"))), "no clip")
        (clip,) = server.clips.glob("*.wav")
        server.send("/deck/2/continue", clip.name)
        until(lambda: server.ask("/deck/2/state") == ("playing",), "deck 2 does not go on")
        server.play_until(server.position() + 2)
        heard = tape.audio()[:, 0]
    assert quietest(heard[np.flatnonzero(heard)[0] + RATE // 10 :]) > 1e-3
