from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.midi.targets import Target, find_target, find_targets
from bridge.row import Access
from bridge.table import Table
from engine.errors import BadValue

TABLE = Table(4)
TARGETS = find_targets(TABLE)
VALUES = sorted(address for address, target in TARGETS.items() if target.arg is not None)


@given(st.sampled_from(VALUES), st.floats(0, 1))
def test_every_place_of_a_knob_is_a_value_the_table_takes(address: str, position: float) -> None:
    value = TARGETS[address].value(position)
    [request] = TABLE.resolve(address, (value,))
    assert request.values == (value,)


@given(st.sampled_from(VALUES), st.floats(0, 1))
def test_a_value_tells_where_the_knob_stands(address: str, position: float) -> None:
    target = TARGETS[address]
    value = target.value(position)
    assert target.value(target.position(value)) == pytest.approx(value, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("address", ["/deck/1/level", "/deck/1/guidance", "/deck/4/top_k"])
def test_a_knob_reaches_both_ends(address: str) -> None:
    target = TARGETS[address]
    assert target.arg is not None
    assert (target.value(0), target.value(1)) == (target.arg.low, target.arg.high)


def test_top_k_is_fine_where_it_is_small() -> None:
    assert TARGETS["/deck/1/top_k"].value(0.5) == 45  # sqrt(2048)
    assert TARGETS["/deck/1/level"].value(0.5) == 0.5


@pytest.mark.parametrize(
    ("address", "access"),
    [("/deck/1/gain", Access.VALUE), ("/deck/2/mute", Access.SWITCH), ("/play", Access.TRIGGER),
     ("/record", Access.SWITCH), ("/slot/7/launch", Access.TRIGGER), ("/panic", Access.TRIGGER)],
)  # fmt: skip
def test_what_a_control_can_drive(address: str, access: Access) -> None:
    target = find_target(TABLE, address)
    assert (target.address, target.access) == (address, access)
    assert isinstance(target, Target)


@pytest.mark.parametrize(
    "address",
    ["/deck/1/prompt", "/grid", "/signature", "/status", "/ping", "/sync", "/clip/render",
     "/clip/cancel", "/subscribe", "/midi/learn", "/deck/*/gain", "/deck/9/gain", "/nowhere", "",
     "/deck/1/capture", "/beat/str", "//gain"],
)  # fmt: skip
def test_what_a_control_cannot_drive_is_said_in_one_line(address: str) -> None:
    with pytest.raises(BadValue) as caught:
        find_target(TABLE, address)
    assert "\n" not in str(caught.value)
    assert "control" in str(caught.value)
    assert address not in TARGETS
