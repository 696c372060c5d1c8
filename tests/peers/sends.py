"""What other programs were sent by UDP while a server played, held against its recording."""

from __future__ import annotations

import numpy as np

from tests.bridge.audio.sends.receivers import Ear, joined

RATE = 48_000
_PIECE_S = 2


def outputs(vban: Ear, reastream: Ear) -> tuple[str, ...]:
    """The words that have a server send the master and decks by both protocols."""
    targets = (
        f"vban:mix@127.0.0.1:{vban.port}",
        f"deck1=vban:one@127.0.0.1:{vban.port}",
        f"deck2=vban:two@127.0.0.1:{vban.port}",
        f"reastream:mix@127.0.0.1:{reastream.port}",
        f"decks=reastream:deck@127.0.0.1:{reastream.port}",
    )
    return tuple(word for target in targets for word in ("--output", target))


def assert_they_carry(master: np.ndarray, vban: Ear, reastream: Ear) -> None:
    """Every sample of `master` `[samples, 2]`, a recording in 24 bits, came by each send: in
    float within the recording's own half step, in 16 bits within half a step of that. And the
    decks came, to the bit, as what the master is the sum of."""
    floats = {name: joined(packets) for name, packets in reastream.sends().items()}
    steps = {name: joined(packets) for name, packets in vban.sends().items()}
    assert sorted(floats) == ["deck1", "deck2", "deck3", "deck4", "mix"]
    assert sorted(steps) == ["mix", "one", "two"]
    length = min(len(audio) for audio in floats.values())
    begin = _where(master, floats["mix"])
    assert begin + len(master) <= length, "the recording goes on after the send"
    heard = {name: audio[begin : begin + len(master)] for name, audio in floats.items()}
    assert np.abs(heard["mix"] - master).max() <= 0.5 / 2**23
    sound = sum((heard[f"deck{number}"] for number in range(1, 5)), np.zeros_like(master))
    assert np.array_equal(sound, heard["mix"])
    for name, source in (("mix", "mix"), ("one", "deck1"), ("two", "deck2")):
        rounded = steps[name][begin : begin + len(master)]
        assert np.abs(heard[source] * 32768.0 - rounded).max() <= 0.5, name
        assert np.abs(heard[source]).max() > 0.01, f"{name} is silent"


def _where(master: np.ndarray, mix: np.ndarray) -> int:
    """At which sample of `mix` the `master` begins, by two seconds from its midst."""
    at = len(master) // 2
    piece = master[at : at + _PIECE_S * RATE, 0]
    size = len(piece) + len(mix)
    product = np.fft.rfft(mix[:, 0], size) * np.conj(np.fft.rfft(piece, size))
    return int(np.argmax(np.fft.irfft(product, size)[: len(mix)])) - at
