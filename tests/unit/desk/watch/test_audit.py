"""The audit log: appended to, chained, and refused once changed."""

import errno
import json
import os
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


def test_a_line_cut_off_by_a_crash_is_taken_out_and_told(tmp_path):
    path = tmp_path / "log.jsonl"
    log = Audit(path)
    log.append(event="sending", row=1)
    log.append(event="placed", row=1, detail="é")
    log.close()
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for end in range(first + 1, len(whole) - 1):
        for zeros in (b"", b"\0" * 7):
            path.write_bytes(whole[:end] + zeros)
            log = Audit(path)
            assert [line["event"] for line in log.before] == ["sending"]
            log.append(event="placed", row=1)
            log.close()
            told = [json.loads(line) for line in path.read_bytes().splitlines()]
            assert [line["event"] for line in told] == ["sending", "torn", "placed"]
            assert whole[first:end].startswith(told[1]["text"].rstrip("\ufffd").encode())
            assert broken_at(path) == 0


def test_a_last_line_without_its_end_counts_where_it_is_whole(tmp_path):
    path = tmp_path / "log.jsonl"
    log = Audit(path)
    log.append(event="sending", row=1)
    log.close()
    path.write_bytes(path.read_bytes()[:-1])
    log = Audit(path)
    log.append(event="placed", row=1)
    assert [line["event"] for line in log.before] == ["sending"]
    log.close()
    assert broken_at(path) == 0
    assert len(path.read_bytes().splitlines()) == 2


def test_what_is_no_log_is_left_as_it_is(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("call the bank")
    with pytest.raises(InputError, match="line 1 does not follow"):
        Audit(path)
    assert path.read_text() == "call the bank"


def test_a_full_disk_leaves_no_half_of_a_line(tmp_path, monkeypatch):
    path = tmp_path / "log.jsonl"
    log = Audit(path)
    log.append(event="sending", row=1)
    real, calls = os.write, []

    def full(file, data):
        calls.append(len(data))
        if len(calls) == 1:
            return real(file, data[:20])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        log.append(event="placed", row=1)
    monkeypatch.undo()
    log.append(event="failed", row=1)
    log.close()
    assert broken_at(path) == 0
    assert [json.loads(line)["event"] for line in path.read_text().splitlines()] == [
        "sending",
        "failed",
    ]


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
