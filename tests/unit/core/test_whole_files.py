"""A file is written whole or not at all, and what stood there stays until it is."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from seawall.core import InputError
from seawall.core.files import whole_file, writable


def test_a_file_takes_its_place_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    path.write_bytes(b"before")
    with whole_file(path) as out:
        out.write(b"after")
        out.flush()
        assert path.read_bytes() == b"before"
    assert path.read_bytes() == b"after"
    assert [p.name for p in tmp_path.iterdir()] == ["run.npz"]


def broken_off(path: Path, error: BaseException) -> None:
    with whole_file(path) as out:
        out.write(b"half")
        raise error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), InputError),
        (ZeroDivisionError(), ZeroDivisionError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_what_breaks_off_leaves_what_stood_there(
    tmp_path: Path, error: BaseException, told: type[BaseException]
) -> None:
    path = tmp_path / "run.npz"
    path.write_bytes(b"before")
    with pytest.raises(told) as raised:
        broken_off(path, error)
    if told is InputError:
        assert "cannot be written: No space left on device" in str(raised.value)
        assert str(path) in str(raised.value)
    assert path.read_bytes() == b"before"
    assert [p.name for p in tmp_path.iterdir()] == ["run.npz"]


def test_where_nothing_can_be_written_is_told_before_anything_is(tmp_path: Path) -> None:
    for path, what in ((tmp_path, "is a folder"), (tmp_path / "none" / "x", "does not exist")):
        with pytest.raises(InputError, match=what):
            writable(path)
        with pytest.raises(InputError, match=what), whole_file(path):
            pytest.fail("nothing may be begun")
    assert list(tmp_path.iterdir()) == []
