from __future__ import annotations

import pytest

from bridge.prompt_hint import HINT, wrong_with


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
