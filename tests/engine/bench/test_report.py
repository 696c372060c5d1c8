"""The figures as tables, JSON and picture."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from engine.bench import plot
from engine.bench.job import SIDEMAN, TRANSFORMERS, Job, Measured
from engine.bench.limit import Limit
from engine.bench.plan import FULL, QUICK
from engine.bench.report import Machine, Report
from engine.errors import BadValue, EngineUnavailable
from engine.musicgen.models import config, published

ROWS = (
    Measured(
        SIDEMAN, "bf16", load_first_s=9.0, load_s=2.0, context_s=14.0,
        new_prompt_s=0.5, known_prompt_s=0.4,
        change_s=0.05, changed_s=0.6, steps_s=100.0, steps=600, plain_steps_s=150.0,
        plain_steps=600, short_steps_s=110.0, full_steps_s=90.0,
        lanes_steps_s={1: 100.0, 2: 60.0, 4: 40.0}, peak_bytes=2_000_000_000,
        lanes_peak_bytes=4_000_000_000, failure="8 streams: out of memory",
    ),
    Measured(TRANSFORMERS, "fp32", steps_s=5.0, steps=50, lanes_steps_s={1: 5.0}),
    Measured(TRANSFORMERS, "bf16", failure="its process was ended by signal 9"),
)  # fmt: skip


@pytest.fixture
def report() -> Report:
    sizes = config.parse(published.raw("small"), "small")
    machine = Machine("cpu", "", "2.13", "5.23", 2)
    limit = Limit(sizes.decoder, sizes.codec.frame_rate, 40e9)
    return Report("small", machine, limit, FULL, ROWS)


def test_every_contender_has_a_row_in_every_table(report: Report) -> None:
    _, speed, waits, lanes, *failures = report.as_text().split("\n\n")
    for table in (speed, waits, lanes):
        names = [line[: len("transformers fp32")].strip() for line in table.splitlines()[2:]]
        assert names == [row.name for row in ROWS]
    assert failures == [
        "sideman bf16: 8 streams: out of memory",
        "transformers bf16: its process was ended by signal 9",
    ]


def test_speed_is_held_against_real_time_the_limit_and_transformers(report: Report) -> None:
    ours, _, dead = ROWS
    assert report.realtime(ours.steps_s) == 2.0
    assert report.times_transformers(ours, "fp32") == 20.0
    assert report.times_transformers(ours, "bf16") is None
    assert report.times_transformers(dead, "fp32") is None
    limit = report.limit_steps_s(ours)
    assert limit is not None
    assert 40e9 / 1e9 < limit < 40e9 / 0.6e9
    assert report.limit_steps_s(dead) is None
    assert f"{100 * 100 / limit:.0f} %" in report.as_text()


def test_a_busy_machine_is_told(report: Report) -> None:
    busy = replace(ROWS[0], others_share=0.6), replace(ROWS[1], others_share=0.01)
    assert "other programs took up to 60 %" in replace(report, measured=busy).as_text()
    assert "other programs" not in replace(report, measured=busy[1:]).as_text()


def test_streams_are_sustained_as_long_as_each_is_in_real_time(report: Report) -> None:
    assert [report.sustained(row) for row in ROWS] == [2, 0, None]


def test_figures_survive_json(report: Report) -> None:
    words = json.loads(json.dumps(report.as_json()))
    known = dict.fromkeys(Measured.__dataclass_fields__)
    back = [
        Measured.from_json({name: value for name, value in row.items() if name in known})
        for row in words["contenders"]
    ]
    assert tuple(back) == ROWS
    assert words["contenders"][0]["times_transformers"] == {"fp32": 20.0, "bf16": None}
    assert words["contenders"][0]["limit_steps_s"] > 0


def test_a_job_survives_json() -> None:
    job = Job("measure", "cuda:1", SIDEMAN, "fp16", "folder", QUICK)
    assert Job.from_json(json.loads(json.dumps(job.as_json()))) == job
    assert Job.from_json(Job("weights").as_json()) == Job("weights")


@pytest.mark.parametrize("name", ["x.png", "x.svg"])
def test_a_plot_is_a_picture(report: Report, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    plot.check(path)
    plot.write(report, path)
    assert path.read_bytes()[:4] in (b"\x89PNG", b"<?xm")


def test_a_plot_has_to_be_possible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadValue, match=r"\.png \.svg \.pdf"):
        plot.check(tmp_path / "figures.txt")
    monkeypatch.setattr(plot, "find_spec", lambda name: None)
    with pytest.raises(EngineUnavailable, match=r"sideman\[bench\]"):
        plot.check(tmp_path / "figures.png")
