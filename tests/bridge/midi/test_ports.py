from __future__ import annotations

from collections.abc import Sequence

import pytest

from bridge.midi.ports import RETRY_S, Ports
from tests.bridge.midi.fakes import FakeSystem

Heard = list[tuple[str, list[int], float]]


class Rig:
    """Ports over fake systems, a clock in hand, and everything said and heard."""

    def __init__(self, *systems: FakeSystem, only: Sequence[str] = ()) -> None:
        self.said: list[str] = []
        self.heard: Heard = []
        connect = {f"system {i}": system.connect for i, system in enumerate(systems)}
        self.ports = Ports(connect, only, self.said.append)

    @property
    def names(self) -> list[str]:
        return list(self.ports.names)

    def pump(self, now_s: float) -> Heard:
        self.heard.clear()
        self.ports.pump(lambda port, data, at_s: self.heard.append((port, [*data], at_s)), now_s)
        return self.heard


@pytest.fixture
def system() -> FakeSystem:
    return FakeSystem("pad 20:0", "keys 24:0")


def test_all_inputs_and_our_own_are_open_from_the_start(system: FakeSystem) -> None:
    rig = Rig(system)
    rig.ports.scan(0)
    assert rig.names == ["sideman", "pad", "keys"]
    assert rig.said == []


def test_what_is_plugged_in_and_out_is_opened_and_closed(system: FakeSystem) -> None:
    rig = Rig(system)
    rig.ports.scan(0)
    system.plugged = ["keys 24:0", "drums 20:0"]
    rig.ports.scan(1)
    assert rig.names == ["sideman", "keys", "drums"]
    assert [name for name, port in system.opened if port.closed] == ["pad 20:0"]
    assert rig.said == ["MIDI input pad is gone", "MIDI input drums is here"]


def test_a_port_that_comes_back_under_another_number_is_opened_again(system: FakeSystem) -> None:
    rig = Rig(system)
    rig.ports.scan(0)
    system.plugged = ["pad 24:0"]
    rig.ports.scan(1)
    assert rig.names == ["sideman", "pad"]
    assert len(system.opened) == 3


def test_two_ports_of_one_name_are_two(system: FakeSystem) -> None:
    system.plugged = ["pad", "pad"]
    rig = Rig(system)
    rig.ports.scan(0)
    assert len(system.opened) == 2
    system.plugged = ["pad"]
    rig.ports.scan(1)
    assert rig.names == ["sideman", "pad"]


def test_nothing_is_opened_twice(system: FakeSystem) -> None:
    rig = Rig(system)
    for now_s in range(5):
        rig.ports.scan(now_s)
    assert len(system.opened) == 2


def test_named_inputs_alone_are_opened(system: FakeSystem) -> None:
    rig = Rig(system, only=["KEY"])
    rig.ports.scan(0)
    assert rig.names == ["sideman", "keys"]
    assert rig.said == []


def test_a_name_that_nothing_has_is_said_with_what_there_is(system: FakeSystem) -> None:
    rig = Rig(system, only=["nano"])
    rig.ports.scan(0)
    assert rig.said == ["no MIDI input is named nano yet; here: pad, keys"]
    system.plugged.append("nanoKONTROL2")
    rig.ports.scan(1)
    assert rig.names == ["sideman", "nanoKONTROL2"]


def test_our_own_ports_are_not_opened(system: FakeSystem) -> None:
    system.plugged = ["sideman:sideman 128:0", "pad"]
    rig = Rig(system)
    rig.ports.scan(0)
    assert rig.names == ["sideman", "pad"]


def test_messages_come_in_order_with_their_times(system: FakeSystem) -> None:
    rig = Rig(system)
    rig.ports.scan(10.0)
    rig.pump(10.0)
    pad = system.opened[0][1]
    pad.queue.extend([([0xF8], 0.0), ([0xFA], 0.001)])
    assert rig.pump(10.002) == [("pad", [0xF8], 10.0), ("pad", [0xFA], 10.001)]
    pad.queue.append(([0xF8], 0.0215))
    [(_, _, at_s)] = rig.pump(10.024)
    assert at_s == pytest.approx(10.0225)


@pytest.mark.parametrize(("since_s", "at_s"), [(0.0, 10.0), (99.0, 10.5)])
def test_a_time_lies_between_the_last_look_and_this_one(
    system: FakeSystem, since_s: float, at_s: float
) -> None:
    rig = Rig(system)
    rig.ports.scan(9.0)
    rig.pump(10.0)
    system.opened[0][1].queue.append(([0xF8], since_s))
    assert rig.pump(10.5) == [("pad", [0xF8], at_s)]


def test_a_port_that_breaks_is_dropped_and_said_once(system: FakeSystem) -> None:
    rig = Rig(system)
    rig.ports.scan(0)
    system.opened[0][1].broken = True
    system.opened[1][1].queue.append(([0xF8], 0.0))
    assert [port for port, _, _ in rig.pump(0.1)] == ["keys"]
    for now_s in range(1, 4):
        rig.ports.scan(now_s)
        rig.pump(now_s)
    assert rig.said == ["MIDI input pad broke (the cable fell out): plug it in again"]
    assert rig.names == ["sideman", "keys"]
    system.plugged.remove("pad 20:0")
    rig.ports.scan(5)
    system.plugged.append("pad 20:0")
    rig.ports.scan(6)
    assert rig.names == ["sideman", "keys", "pad"]


def test_a_port_in_use_is_said_once(system: FakeSystem) -> None:
    system.stuck.add("pad 20:0")
    rig = Rig(system)
    rig.ports.scan(0)
    rig.ports.scan(1)
    assert rig.names == ["sideman", "keys"]
    assert len(rig.said) == 1
    assert "close other programs" in rig.said[0]


def test_no_system_at_all_is_a_problem_with_its_reason(system: FakeSystem) -> None:
    system.gone = True
    rig = Rig(system)
    rig.ports.scan(0)
    assert rig.ports.problem == "no MIDI: system 0: not running (start it)"
    assert rig.pump(0.1) == []
    system.gone = False
    rig.ports.scan(RETRY_S)
    assert rig.ports.problem == ""
    assert rig.names == ["sideman", "pad", "keys"]


def test_one_system_that_works_is_no_problem(system: FakeSystem) -> None:
    absent = FakeSystem()
    absent.gone = True
    rig = Rig(absent, system)
    rig.ports.scan(0)
    assert rig.ports.problem == ""


def test_a_system_that_stops_and_comes_back(system: FakeSystem) -> None:
    rig = Rig(system)
    rig.ports.scan(0)
    system.gone = True
    rig.ports.scan(1)
    assert rig.names == []
    assert rig.ports.problem.startswith("no MIDI: system 0: ")
    assert all(port.closed for _, port in system.opened)
    assert system.closed
    assert rig.said == ["MIDI through system 0 is gone (the server has stopped); looked for again"]
    system.gone, system.own = False, None
    rig.ports.scan(RETRY_S)
    assert rig.names == ["pad", "keys"]


def test_a_system_without_virtual_ports_does_without(system: FakeSystem) -> None:
    system.own = None
    rig = Rig(system)
    rig.ports.scan(0)
    assert rig.names == ["pad", "keys"]


def test_closing_closes_everything(system: FakeSystem) -> None:
    rig = Rig(system)
    rig.ports.scan(0)
    rig.ports.close()
    assert system.own is not None
    assert system.own.closed
    assert all(port.closed for _, port in system.opened)
    assert system.closed
    assert rig.names == []
