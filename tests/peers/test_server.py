"""The whole server against real programs: liblo's tools, JACK as the sound card, `kill -9`."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from tests.bridge.audio.sends.receivers import Ear
from tests.peers.jack import jack_server, output_ports, recording
from tests.peers.sends import assert_they_carry, outputs
from tests.serving import Server, serving, until

pytestmark = pytest.mark.peer

RATE = 48_000
PATTERN = "techno, kick only"
PAD = "ambient pad only"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path) as running:
        yield running


def recorded(path: Path) -> np.ndarray:
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert rate == RATE
    return np.asarray(audio)


def beat_error_samples(audio: np.ndarray, bpm: float) -> float:
    """How far the music's own beat is from `bpm`, as an error of one bar's length in samples.

    The bar's length is where the envelope of the attacks fits itself best, one bar later.
    """
    bar = 4 * 60 * RATE / bpm
    attacks = np.maximum(0, np.diff(np.abs(audio).sum(axis=1), prepend=0))
    spectrum = np.fft.rfft(attacks, 2 * len(attacks))
    fit = np.fft.irfft(np.abs(spectrum) ** 2)
    lags = np.arange(round(0.97 * bar), round(1.03 * bar))
    return float(abs(lags[np.argmax(fit[lags])] - bar))


def test_oscsend_drives_it_and_oscdump_hears_what_changes(
    server: Server, need: Callable[[str], str], tmp_path: Path, free_port: Callable[[], int]
) -> None:
    port, log = free_port(), tmp_path / "dump.txt"

    def oscsend(*words: str) -> None:
        subprocess.run([need("oscsend"), "127.0.0.1", str(server.port), *words], check=True)

    with log.open("w") as out:
        dump = subprocess.Popen([need("oscdump"), "-L", str(port)], stdout=out)
        try:
            until(lambda: _listens(dump), "oscdump does not listen")
            oscsend("/subscribe", "i", str(port))
            until(lambda: "/deck/4/guidance" in log.read_text(), "no full state")
            oscsend("/tempo", "f", "97")
            oscsend("/deck/1/prompt", "s", "lofi hip hop")
            oscsend("/deck/1/play")
            _until_all_in(log, [
                "/tempo f 97.0", '/deck/1/prompt s "lofi hip hop"',
                '/deck/1/state s "playing"', '/beat/str s "1.2"',
            ])  # fmt: skip
        finally:
            dump.terminate()
            dump.wait()


def _until_all_in(log: Path, expected: list[str]) -> None:
    def missing() -> list[str]:
        said = log.read_text()
        return [line for line in expected if line not in said]

    until(lambda: not missing(), f"{expected}, missing {missing()}")


def _listens(process: subprocess.Popen[bytes]) -> bool:
    return bool(psutil.Process(process.pid).net_connections("udp"))


@pytest.mark.parametrize("period", [512, 1024])
def test_jack_plays_what_was_mixed_at_the_tempo_asked_for(tmp_path: Path, period: int) -> None:
    with jack_server(RATE, period), serving(tmp_path, "--output", "system jack") as server:
        server.send("/tempo", 132.0)
        server.send("/deck/1/prompt", PATTERN)
        server.send("/deck/1/play")
        server.play_until(1)
        played, master = _take_without_a_gap(server)
    assert beat_error_samples(played, 132.0) <= 1.0
    middle = master[RATE : 6 * RATE]
    at = _where(middle, played)
    np.testing.assert_allclose(played[at : at + len(middle)], middle, atol=2e-7)


def _take_without_a_gap(server: Server) -> tuple[np.ndarray, np.ndarray]:
    """Eight seconds as JACK played them and as they were mixed.

    A machine that is busy elsewhere makes gaps, which are counted; such a take is no evidence.
    """
    ports = output_ports("sideman")
    for _ in range(8):
        with recording(ports) as tape:
            before = server.status()["xruns"]
            server.send("/record", 1)
            server.sync()
            tape.wait(8 * RATE)
            master = server.stop_recording()
            tape.wait(RATE)
            if server.status()["xruns"] == before:
                return tape.audio(), recorded(master)
    raise AssertionError("not eight seconds without an xrun")


def _where(piece: np.ndarray, whole: np.ndarray) -> int:
    """At which sample of `whole` the `piece` lies."""
    size = len(piece) + len(whole)
    product = np.fft.rfft(whole[:, 0], size) * np.conj(np.fft.rfft(piece[:, 0], size))
    return int(np.argmax(np.fft.irfft(product, size)[: len(whole)]))


def test_the_engine_is_killed_in_mid_bar_and_nobody_hears_it(server: Server) -> None:
    server.send("/deck/1/prompt", PAD)
    server.send("/deck/1/seed", 3)
    server.send("/deck/1/play")
    server.play_until(6.5)
    server.send("/record", 1)
    server.sync()
    first = server.engine
    first.kill()
    until(lambda: server.ask("/status")[2] == "restarting", "the loss was not noticed", 0.001)
    until(lambda: server.ask("/status")[2] != "restarting", "no new engine", 0.01)
    assert server.engine.pid != first.pid
    server.play_until(server.position() + 8)
    audio = recorded(server.stop_recording())
    blocks = audio[: len(audio) // 256 * 256].reshape(-1, 256 * 2)
    assert np.abs(blocks).max(axis=1).min() > 0
    assert server.ask("/deck/1/prompt") == (PAD,)
    assert "engine lost" in server.errors.read_text()


def test_a_hung_engine_is_replaced(server: Server) -> None:
    server.send("/deck/1/play")
    server.play_until(2)
    hung = server.engine
    hung.suspend()
    until(lambda: not psutil.pid_exists(hung.pid), "the hung engine was not ended")
    until(lambda: server.ask("/status")[2] != "restarting", "no new engine")
    server.sync()
    assert server.ask("/status")[0] == "groove"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_minute_of_play(tmp_path: Path) -> None:
    """A set: prompts, tempo, launches, clips, memory that stays where it was; and all of it as
    other programs were sent it, against the recording."""
    with (
        Ear() as vban,
        Ear() as reastream,
        serving(tmp_path, "--output", "null", *outputs(vban, reastream)) as server,
    ):
        master = play_a_set(server)
        assert server.errors.read_text().count("\n") == 1  # the line that names the engine
    assert len(master) >= 60 * RATE
    assert_they_carry(master, vban, reastream)


def play_a_set(server: Server) -> np.ndarray:
    """Returns its recording."""
    prompts = ["house", "jazz trio", "drum and bass, dark", "reggae, no drums", "synthwave"]
    for number in range(1, 5):
        server.send(f"/deck/{number}/prompt", prompts[number])
        server.send(f"/deck/{number}/gain", -18.0)  # so quiet that the limiter changes nothing
        server.send(f"/slot/{number}/prompt", prompts[number - 1])
        server.send(f"/deck/{number}/play")
    used: list[int] = []
    server.send("/record", 1)
    for turn in range(5):
        server.send("/tempo", 100.0 + 10 * turn)
        server.send(f"/deck/{1 + turn % 4}/morph", 4.0 * (turn % 2))
        server.send(f"/slot/{1 + turn % 4}/launch", 1 + (turn + 1) % 4)
        if turn < 3:
            server.send("/clip/render", prompts[turn], 2, turn)
        server.play_until(server.position() + 12.5 * (100 + 10 * turn) / 60)
        processes = (psutil.Process(server.process.pid), server.engine)
        used.append(sum(p.memory_info().rss for p in processes))
    master = recorded(server.stop_recording())
    assert server.status()["engine"] == "groove"
    assert len(list(server.clips.glob("*.wav"))) == 4  # three clips and the recording
    assert used[-1] - used[1] < 40e6, f"memory grew: {[f'{u / 1e6:.0f} MB' for u in used]}"
    return master
