from __future__ import annotations

import numpy as np
import pytest

from seawall.core import InternalError
from seawall.report import (
    Band,
    Chart,
    ChartKind,
    Column,
    Report,
    Section,
    Series,
    Table,
    Unit,
)


def _chart(key: str) -> Chart:
    series = (Series("a", [1.0, 2.0], [3.0, 4.0]),)
    return Chart(key, key, ChartKind.LADDER, "x", Unit.COUNT, "y", Unit.USD, series)


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(InternalError, match="'a' has 2 x and 1 y"):
        Series("a", [1.0, 2.0], [3.0])
    with pytest.raises(InternalError, match="unequal length"):
        Band([1.0], [1.0, 2.0], [3.0])
    with pytest.raises(InternalError, match="2 columns"):
        Table("t", "T", (Column("a", "A"), Column("b", "B")), (("x",),))
    with pytest.raises(InternalError, match="unequal length"):
        Table.of_columns("t", "T", {Column("a", "A"): [1], Column("b", "B"): [1, 2]})


def test_columns_become_rows_of_plain_values() -> None:
    columns = {
        Column("n", "N", Unit.COUNT): np.array([1, 2]),
        Column("x", "X", Unit.USD): np.array([0.5, np.nan]),
        Column("name", "Name"): ["a", "b"],
    }
    table = Table.of_columns("t", "T", columns, main=True, total=7)
    assert table.rows[0] == (1, 0.5, "a")
    assert type(table.rows[0][0]) is int
    assert table.left_out == 5
    assert [c.left for c in table.columns] == [False, False, True]
    assert Column("x", "X", Unit.USD, align="left").left


def test_main_table_is_the_marked_one_else_the_first(accounts: Table) -> None:
    other = Table("other", "Other", (Column("a", "A"),), ())
    assert Report("s/1", "T", tables=(other, accounts)).main_table() is accounts
    assert Report("s/1", "T", tables=(other,)).main_table() is other
    assert Report("s/1", "T").main_table() is None


def test_layout_shows_every_figure_once_and_in_order(accounts: Table) -> None:
    charts = tuple(_chart(k) for k in ("a", "b", "c"))
    sections = (Section("Second first", ("b", "accounts")), Section("Again", ("b",)))
    report = Report("s/1", "T", charts=charts, tables=(accounts,), sections=sections)
    shown = [(s.title, [f.key for f in figures]) for s, figures in report.layout()]
    assert shown == [("Second first", ["b", "accounts"]), ("a", ["a"]), ("c", ["c"])]


def test_keys_must_be_unique_and_known() -> None:
    with pytest.raises(InternalError, match="twice"):
        Report("s/1", "T", charts=(_chart("a"), _chart("a")))
    with pytest.raises(InternalError, match="nowhere"):
        Report("s/1", "T", sections=(Section("S", ("nowhere",)),))
