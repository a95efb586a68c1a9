from __future__ import annotations

import os
from pathlib import Path

import pytest

from seawall.core import InputError
from seawall.report.files import write_whole


def test_a_file_is_written_and_replaced(tmp_path: Path) -> None:
    target = tmp_path / "out.html"
    assert write_whole(target, "old") == target
    write_whole(str(target), "new ✓\n")
    assert target.read_text("utf-8") == "new ✓\n"
    assert os.listdir(tmp_path) == ["out.html"]


def test_missing_folder_folder_as_file_and_file_as_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere.*does not exist; .*Create the folder"):
        write_whole(tmp_path / "nowhere" / "out.html", "x")
    with pytest.raises(InputError, match="is a folder"):
        write_whole(tmp_path, "x")
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError):
        write_whole(tmp_path / "file" / "out.html", "x")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(InputError, match="may not be written"):
            write_whole(tmp_path / "out.html", "x")
    finally:
        tmp_path.chmod(0o700)


def test_a_failure_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "out.html"
    write_whole(target, "old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(target, "a" * 100_000 + "\ud800")
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["out.html"]
