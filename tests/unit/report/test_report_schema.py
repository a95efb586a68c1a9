from __future__ import annotations

import json
from pathlib import Path

import pytest

from seawall.core import InputError
from seawall.report.schema import schema_names, schema_of


def test_a_file_in_the_folder_is_a_schema(tmp_path: Path) -> None:
    (tmp_path / "stress-1.json").write_text(json.dumps({"title": "one"}))
    (tmp_path / "stress-2.json").write_text(json.dumps({"title": "two"}))
    (tmp_path / "notes.txt").write_text("no schema")
    assert schema_names(tmp_path) == ("seawall.stress/1", "seawall.stress/2")
    assert schema_of("seawall.stress/2", tmp_path) == {"title": "two"}
    assert schema_of("stress/1", tmp_path) == {"title": "one"}


def test_an_unknown_schema_names_the_known(tmp_path: Path) -> None:
    (tmp_path / "map-1.json").write_text("{}")
    with pytest.raises(InputError, match=r"allowed: seawall\.map/1"):
        schema_of("stress/1", tmp_path)
    with pytest.raises(InputError, match="none"):
        schema_of("stress/1", tmp_path / "absent")


def test_every_bundled_schema_is_json() -> None:
    for name in schema_names():
        assert schema_of(name)["title"]
