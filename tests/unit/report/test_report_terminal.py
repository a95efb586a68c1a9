from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from seawall.report import Column, Report, Table, Unit
from seawall.report.terminal import to_terminal


def _printed(report: Report, width: int = 80, rows: int = 20, tty: bool = False) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=tty, color_system="auto")
    to_terminal(report, console, rows)
    return out.getvalue()


def test_order_is_answer_figures_tables_grounds(report: Report) -> None:
    text = _printed(report)
    marks = [
        "A & B",
        "What if?",
        "It falls.",
        "$36.8 M",
        "Small",
        "alice",
        "Depth is 1%.",
        "One row set aside.",
        "book.csv",
    ]
    places = [text.index(m) for m in marks]
    assert places == sorted(places)
    assert "5–95%: $30.0 M … $50.0 M" in text
    assert "modelled" in text
    assert "[a study]" in text


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_line_is_wider_than_the_terminal(report: Report, width: int) -> None:
    long = replace(report, warnings=("word " * 60, "x" * 300))
    assert max(len(line) for line in _printed(long, width).splitlines()) <= width


def test_piped_output_has_no_colour_codes(report: Report) -> None:
    assert "\x1b" not in _printed(report)
    assert "\x1b[1m" in _printed(report, tty=True)


def test_rows_left_out_are_named(report: Report) -> None:
    text = _printed(report, rows=2)
    assert "8 more rows" in text
    assert "<script>" not in text


def test_narrow_terminals_keep_the_brief_columns(report: Report) -> None:
    wide, narrow = _printed(report, 120), _printed(report, 44)
    assert "2025-11-20T23:59:59Z" in wide
    assert "more column" not in wide
    assert "2025-11-20" not in narrow
    assert "$1.50 M" in narrow
    assert "more column" in narrow


def test_what_is_left_out_of_a_table_is_pointed_to_where_it_stands(report: Report) -> None:
    main, beside = (
        Table(key, key, tuple(Column(f"{key}{k}", "x" * 20) for k in range(6)), [("y",) * 6])
        for key in ("main", "beside")
    )
    words = _printed(replace(report, tables=(main, beside)), 60)
    first, second = (line for line in words.splitlines() if line.startswith("Not shown"))
    # a CSV holds the main table alone
    assert "--format csv" in first
    assert "--report" in second
    assert "csv" not in second


def test_few_rows_that_would_lose_a_brief_column_stand_on_their_side() -> None:
    columns = (
        Column("row", "Row", Unit.COUNT, brief=True),
        Column("name", "Instrument", brief=True),
        *(Column(f"x{k}", f"Liquidated {k}d", Unit.FRACTION, brief=True) for k in range(8)),
        Column("gap", "of it gap", Unit.USD),
    )
    rows = [(n, f"COIN{n}USDT", *(0.01 * n + 0.0001 * k for k in range(8)), 5.0) for n in (1, 2, 3)]
    made = Report("s/1", "T", tables=(Table("t", "Odds", columns, rows),))
    wide, narrow = _printed(made, 200), _printed(made, 60)
    assert "Row  Instrument" in wide
    for n in (1, 2, 3):
        assert f"COIN{n}USDT" in narrow
        assert all(f"{n}.0{k}%" in narrow for k in range(8))
    assert "Not shown: 1 more column" in narrow
    line = next(x for x in narrow.splitlines() if x.startswith("Liquidated 3d"))
    assert line.split()[2:] == ["1.03%", "2.03%", "3.03%"]
    # so few columns that not all rows fit beside each other: the rest stands below
    assert _printed(made, 32).count("Liquidated 3d") == 3
    assert max(len(x) for x in _printed(made, 32).splitlines()) <= 32
    many = replace(made, tables=(Table("t", "Odds", columns, 3 * rows),))
    assert "Liquidated 7d" not in _printed(many, 60)


def test_markup_and_escapes_in_names_are_words() -> None:
    table = Table(
        "t",
        "T",
        (Column("a", "A"), Column("b", "B", Unit.USD)),
        (("[red]x[/red]", 1.0), ("\x1b[31mred", 2.0)),
    )
    text = _printed(Report("s/1", "[bold]T", tables=(table,)), tty=True)
    assert "[red]x[/red]" in text
    assert "\x1b[31m" not in text
    assert "[bold]T" in text
