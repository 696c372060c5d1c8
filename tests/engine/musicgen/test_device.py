"""Which device and precision, by what is free: with devices that are made up."""

from __future__ import annotations

import pytest

from engine.errors import BadValue, EngineUnavailable
from engine.musicgen import device
from engine.musicgen.device import choose_place, needed_bytes
from engine.musicgen.models import config, published
from engine.musicgen.openvino import runtime

SMALL = config.parse(published.raw("small"), "small")
LARGE = config.parse(published.raw("large"), "large")
GB = 10**9


class Machine:
    """What is free on it, by device, in GB."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.free: dict[str, float] = {"cpu": 16}
        self.fast_bf16 = True
        self.openvino = False
        self.in_time = True
        """In int8."""
        monkeypatch.setattr(device, "_free_bytes", self._free_bytes)
        monkeypatch.setattr(device, "has_fast_bf16", lambda: self.fast_bf16)
        monkeypatch.setattr(runtime, "is_installed", lambda: self.openvino)
        monkeypatch.setattr("engine.musicgen.openvino.probe.is_in_time", lambda *_: self.in_time)

    def _free_bytes(self, name: str) -> int | None:
        return int(self.free[name] * GB) if name in self.free else None


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def chosen(
    device: str = "auto",
    precision: str = "auto",
    model: config.ModelConfig = SMALL,
    decks: int = 0,
) -> tuple[str, str]:
    place = choose_place(model, 700, device, precision, decks)
    return place.device.type, place.precision


def test_the_best_device_that_is_there_is_taken(machine: Machine) -> None:
    assert chosen() == ("cpu", "bf16")
    machine.fast_bf16 = False
    assert chosen() == ("cpu", "fp32")
    machine.free |= {"mps": 16}
    assert chosen() == ("mps", "fp16")
    machine.free |= {"cuda": 24}
    assert chosen() == ("cuda", "fp16")
    assert chosen("cpu", "fp32") == ("cpu", "fp32")
    assert chosen("cuda", "bf16") == ("cuda", "bf16")


def test_a_cpu_gets_few_bits_and_the_fewest_if_it_must_be_quick(machine: Machine) -> None:
    machine.openvino = True
    assert chosen() == chosen(decks=4) == ("cpu", "int8")
    machine.in_time = False
    assert chosen(decks=4) == ("cpu", "int4")
    assert chosen() == ("cpu", "int8")  # nobody waits for it
    machine.free["cpu"] = 1.2
    assert chosen() == ("cpu", "int4")
    machine.free |= {"cpu": 16, "mps": 16}
    assert chosen(decks=4) == ("mps", "fp16")
    assert chosen(precision="int8") == ("cpu", "int8")


def test_a_gpu_that_is_too_full_is_passed_over_with_a_remark(machine: Machine) -> None:
    machine.free |= {"cuda": 1.2}
    place = choose_place(SMALL, 700)
    assert place.device.type == "cpu"
    assert "cuda has 1.2 GB free" in place.remark
    assert "\n" not in place.remark


def test_what_was_named_is_not_replaced(machine: Machine) -> None:
    machine.free |= {"cuda": 1.2}
    with pytest.raises(EngineUnavailable, match=r"cuda has 1.2 GB free.*--device cpu .*would fit"):
        chosen("cuda")
    with pytest.raises(EngineUnavailable, match="there is no mps device"):
        chosen("mps")


def test_half_precision_is_taken_where_full_does_not_fit(machine: Machine) -> None:
    machine.fast_bf16 = False
    machine.free["cpu"] = 10
    assert chosen(model=LARGE) == ("cpu", "bf16")
    with pytest.raises(EngineUnavailable, match="--precision bf16 would fit"):
        chosen("cpu", "fp32", model=LARGE)
    machine.free["cpu"] = 1
    with pytest.raises(EngineUnavailable, match="a smaller model"):
        chosen(model=LARGE)


@pytest.mark.parametrize(("words", "message"), [
    (("tpu", "auto"), "--device 'tpu' is none of"),
    (("cpu", "fp8"), "--precision 'fp8' is none of"),
    (("cuda", "int8"), "--precision int8 is for --device cpu, not cuda"),
])  # fmt: skip
def test_unknown_names_are_usage(machine: Machine, words: tuple[str, str], message: str) -> None:
    with pytest.raises(BadValue, match=message):
        chosen(*words)


def test_few_bits_without_openvino_say_how_to_get_it(machine: Machine) -> None:
    runtime.openvino.cache_clear()
    with pytest.raises(EngineUnavailable, match="pip install openvino, or take --precision bf16"):
        chosen("cpu", "int4")


def test_small_in_fp16_with_one_deck_needs_what_was_promised() -> None:
    assert needed_bytes(SMALL, "fp16", 700) < 2.1 * GB


def test_the_codec_stays_off_mps_and_text_out_of_fp16(machine: Machine) -> None:
    machine.free |= {"mps": 16}
    place = choose_place(SMALL, 700)
    assert place.codec_device.type == "cpu"
    assert str(place.text_dtype) == "torch.float32"
    machine.free |= {"cuda": 16}
    assert str(choose_place(SMALL, 700).text_dtype) == "torch.bfloat16"
