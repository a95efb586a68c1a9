"""The audit log: appended to, chained, and refused once changed."""

import json
import stat

import pytest

from seawall.core import InputError
from seawall.desk.watch.audit import START, Audit, broken_at


def test_lines_follow_from_each_other_over_several_openings(tmp_path):
    path = tmp_path / "log.jsonl"
    for k in range(3):
        log = Audit(path)
        log.append(event="planned", row=k)
        log.append(event="placed", row=k)
        log.close()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["event"], line["row"]) for line in lines[:3]] == [
        ("planned", 0),
        ("placed", 0),
        ("planned", 1),
    ]
    assert lines[0]["previous"] == START
    assert broken_at(path) == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda t: t.replace('"row": 1', '"row": 9'), 3),
        (lambda t: "\n".join(t.splitlines()[1:]) + "\n", 1),
        (lambda t: "\n".join([*t.splitlines()[:1], *t.splitlines()[2:]]) + "\n", 2),
        (lambda t: t + "nonsense\n", 4),
    ],
)
def test_a_log_that_was_changed_is_found_and_refused(tmp_path, change, line):
    path = tmp_path / "log.jsonl"
    log = Audit(path)
    for row in range(3):
        log.append(event="planned", row=row)
    log.close()
    path.write_text(change(path.read_text()))
    assert broken_at(path) == line
    with pytest.raises(InputError, match=f"line {line} does not follow"):
        Audit(path)


def test_two_never_write_to_one_log(tmp_path):
    path = tmp_path / "log.jsonl"
    first = Audit(path)
    with pytest.raises(InputError, match="another watch writes to it"):
        Audit(path)
    first.append(event="planned", row=1)
    first.close()
    first.close()
    second = Audit(path)
    assert [line["row"] for line in second.before] == [1]
    second.close()
    assert broken_at(path) == 0


def test_a_log_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        Audit(tmp_path / "no" / "log.jsonl")
