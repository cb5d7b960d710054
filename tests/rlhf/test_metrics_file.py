"""Reading what a training process reports, while it writes."""

import json
from pathlib import Path
from typing import Any

import pytest

from rlhf.metrics_file import read


def line(**changes: Any) -> str:
    whole = {"time": 0, "phase": "p", "step": 3, "total": 9, "progress": 0.5, "metrics": {"a": 1}}
    return json.dumps(whole | changes) + "\n"


def test_no_file_yet_gives_nothing(tmp_path: Path) -> None:
    assert read(tmp_path / "none", 0).reports == ()


def test_only_what_is_new_is_read(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    file.write_text(line(step=1))
    first = read(file, 0)
    with file.open("a") as more:
        more.write(line(step=2))
    assert [report.step for report in first.reports] == [1]
    assert [report.step for report in read(file, first.offset).reports] == [2]


def test_a_half_written_line_waits_for_its_end(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    whole = line(step=2, phase="größer")
    file.write_bytes(line(step=1).encode() + whole.encode()[:25])
    first = read(file, 0)
    assert (len(first.reports), first.unreadable) == (1, 0)
    with file.open("ab") as rest:
        rest.write(whole.encode()[25:])
    assert [report.step for report in read(file, first.offset).reports] == [2]


def test_a_file_that_got_shorter_is_read_from_its_beginning(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    file.write_text(line(step=1) + line(step=2))
    offset = read(file, 0).offset
    file.write_text(line(step=1))
    found = read(file, offset)
    assert (found.began_anew, found.reports, found.offset) == (True, (), 0)


def test_a_file_that_was_begun_anew_is_known_however_long_it_has_become(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    file.write_text(line(time=1, step=1) + line(time=2, step=2))
    first = read(file, 0)
    file.write_text(line(time=3, step=1) + line(time=4, step=2) + line(time=5, step=3))
    found = read(file, first.offset, first.mark)
    assert (found.began_anew, found.reports, found.offset, found.mark) == (True, (), 0, "")
    again = read(file, found.offset, found.mark)
    assert [report.step for report in again.reports] == [1, 2, 3]


def test_a_file_that_grows_stays_the_same_file(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    offset, mark, seen = 0, "", []
    for step in range(30):  # more than the mark tells
        with file.open("a") as more:
            more.write(line(time=step, step=step))
        reading = read(file, offset, mark)
        assert not reading.began_anew
        assert read(file, reading.offset, reading.mark).reports == ()
        offset, mark = reading.offset, reading.mark
        seen += [report.step for report in reading.reports]
    assert seen == list(range(30))


@pytest.mark.parametrize(
    "broken",
    ["no json", "[]", "null", "{}", line(step="x"), line(progress=None), line(metrics=[1])],
)
def test_a_line_that_is_no_report_is_counted_and_passed_over(tmp_path: Path, broken: str) -> None:
    file = tmp_path / "metrics.jsonl"
    file.write_text(broken.rstrip("\n") + "\n" + line(step=2))
    reading = read(file, 0)
    assert (reading.unreadable, [report.step for report in reading.reports]) == (1, [2])


def test_progress_stays_between_nothing_and_all(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    file.write_text(line(progress=-1) + line(progress=7))
    assert [report.progress for report in read(file, 0).reports] == [0.0, 1.0]


def test_figures_that_are_no_numbers_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    file.write_text(line(metrics={"a": float("nan"), "b": "text", "c": 2, "d": float("inf")}))
    assert read(file, 0).reports[0].metrics == {"c": 2.0}
