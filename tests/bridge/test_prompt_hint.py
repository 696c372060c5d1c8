from __future__ import annotations

from functools import partial

import pytest

from bridge.prompt_hint import HINT, wrong_with
from engine import fake
from tests.bridge.rig import RATE, Rig


@pytest.mark.parametrize(
    "prompt",
    [
        "lofi hip hop, dusty drums, warm electric piano",
        "dub techno, deep bass, hi-hats, tape delay",
        "70s funk, slap bass, clavinet keys, tight drums, horns",
    ],
)
def test_good_prompts_are_left_alone(prompt: str) -> None:
    assert wrong_with(prompt) == ""


@pytest.mark.parametrize(
    ("prompt", "part"),
    [
        ("", "empty"),
        (" ,, ", "empty"),
        ("techno", "1 of 5 words"),
        ("warm, slow, dreamy, hazy, soft, mellow", "no instrument"),
        ("a slow and dreamy piano piece for the evening by the sea", "commas"),
        (", ".join(["drums"] * 16), "16 words"),
    ],
)
def test_what_a_model_makes_little_of_is_said_in_one_line(prompt: str, part: str) -> None:
    line = wrong_with(prompt)
    assert part in line
    assert "\n" not in line


def test_the_hint_follows_its_own_rules() -> None:
    example = HINT.split("'")[1]
    assert wrong_with(example) == ""


def test_clients_are_told_what_is_wrong_with_a_prompt_and_what_makes_a_good_one() -> None:
    rig = Rig(partial(fake.load, rate=RATE))
    try:
        rig.send("/prompt/hint", "techno")
        rig.send("/prompt/hint")
        rig.run(0.05)
    finally:
        rig.close()
    assert rig.client.answers("/prompt/hint") == [("techno", wrong_with("techno")), ("", HINT)]
