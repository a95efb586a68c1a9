"""Rows made as they are read are the rows that would have been made at once."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.core.errors import InternalError
from seawall.report.encode import json_pieces, to_json
from seawall.report.lazy import CHUNK, Records, Rows
from seawall.report.model import Column, Report, Table, Unit

COUNTS = st.sampled_from([0, 1, 7, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 3])


def columns(count: int) -> dict[str, object]:
    rng = np.random.default_rng(count)
    gaps = np.where(rng.random(count) < 0.1, np.nan, rng.normal(size=count))
    return {"name": [f"a{k}" for k in range(count)], "size": gaps, "count": np.arange(count)}


@given(COUNTS)
def test_records_are_the_rows_of_their_columns(count: int) -> None:
    made = columns(count)
    lazy, whole = Records(made), [
        {"name": a, "size": b, "count": c}
        for a, b, c in zip(made["name"], made["size"].tolist(), made["count"].tolist(), strict=True)
    ]  # fmt: skip
    assert len(lazy) == count
    assert repr(list(lazy)) == repr(whole)
    assert repr(lazy[2:9]) == repr(whole[2:9])
    assert repr(lazy[::-3]) == repr(whole[::-3])
    if count:
        assert repr((lazy[0], lazy[-1])) == repr((whole[0], whole[-1]))
    with pytest.raises(IndexError):
        lazy[count]


@given(COUNTS)
def test_pieces_together_are_the_json(count: int) -> None:
    payload = {"rows": Records(columns(count)), "more": {"x": float("inf")}, "none": []}
    report = Report(schema="seawall.check/1", title="t", payload=payload, answer=("said",))
    pieces = list(json_pieces(report))
    assert "".join(pieces) == to_json(report, None)
    found = json.loads("".join(pieces))
    assert len(found["rows"]) == count
    assert found["rows"] == json.loads(to_json(report))["rows"]
    assert max(map(len, pieces)) < 100 * (CHUNK + 1)


def test_a_table_of_columns_keeps_them() -> None:
    made = columns(5)
    keys = [Column("name", "Name"), Column("size", "Size", Unit.NUMBER, only="file"),
            Column("count", "Count", Unit.COUNT)]  # fmt: skip
    table = Table.of_columns("t", "T", dict(zip(keys, made.values(), strict=True)))
    assert [row[0] for row in table.rows] == made["name"]
    seen = table.seen_in("terminal")
    assert [c.key for c in seen.columns] == ["name", "count"]
    assert list(seen.rows) == [(f"a{k}", k) for k in range(5)]
    with pytest.raises(InternalError, match="unequal"):
        Table.of_columns("t", "T", {keys[0]: [1, 2], keys[2]: [1]})
    with pytest.raises(InternalError, match="columns"):
        Table("t", "T", (keys[0],), Rows([[1], [2]]))
