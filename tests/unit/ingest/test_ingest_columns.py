"""Names of columns, and the page that documents them."""

from __future__ import annotations

from pathlib import Path

import pytest

from seawall.ingest import COLUMNS, EXTRAS
from seawall.ingest.columns import plain
from seawall.ingest.headers import recognise
from seawall.ingest.sniff import Form, sniff

PAGE = Path(__file__).resolve().parents[3] / "docs" / "input.md"


def test_no_name_means_two_things() -> None:
    seen: dict[str, str] = {}
    for column in COLUMNS:
        for name in (column.name, *column.synonyms):
            assert seen.setdefault(plain(name), column.name) == column.name, name
    assert not {plain(e) for e in EXTRAS} & set(seen)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Entry Price", "entry_price"),
        ("entryPx", "entry_price"),
        ("markPrice", "mark_price"),
        ("MARK", "mark_price"),
        ("coin", "instrument"),
        ("symbol", "instrument"),
        ("contracts", "quantity"),
        ("szi", "size"),
        ("reported_liquidation_price", "liquidation_price"),
        ("liqPx", "liquidation_price"),
        ("isolatedWallet", "collateral"),
        ("isolatedMargin", "collateral_value"),
        ("margin-mode", "margin_mode"),
        ("timestamp", "time"),
    ],
)
def test_other_names(header: str, name: str) -> None:
    assert recognise([header]).place == {name: 0}


def test_ccxt_collateral_is_told_by_its_company() -> None:
    company = ["contracts", "contractSize", "initialMarginPercentage"]
    ccxt = [*company, "maintenanceMarginPercentage", "collateral", "timestamp", "datetime"]
    found = recognise(ccxt)
    assert found.place["collateral_value"] == 4
    assert "time" not in found.place
    assert not found.mistakes
    assert recognise(["contracts", "collateral"]).place["collateral"] == 1


def test_bounds_in_words() -> None:
    words = {c.name: c.allowed for c in COLUMNS}
    assert words["leverage"] == "a number, more than 0 and at most 1000"
    assert words["maintenance_margin_rate"] == "a number, at least 0 and less than 1"
    assert words["wallet_balance"] == "a number"


@pytest.mark.parametrize(
    ("head", "form", "delimiter"),
    [
        ("account,size\n", Form.CSV, ","),
        ("account;size\n", Form.CSV, ";"),
        ("account\tsize\n", Form.CSV, "\t"),
        ('"account"|"size"\n', Form.CSV, "|"),
        ("\ufeffaccount,size\r\n1,2\r\n", Form.CSV, ","),
        ('{"size": 1}\n{"size": 2}\n', Form.JSON_LINES, ","),
        ('{"size": 1}\n', Form.JSON, ","),
        ('{"size": [1,\n2]}', Form.JSON, ","),
        ('\ufeff [\n{"size": 1},\n{"size": 2}]', Form.JSON, ","),
        ("PAR1....", Form.PARQUET, ","),
    ],
)
def test_forms_are_told_from_the_head(head: str, form: Form, delimiter: str) -> None:
    found = sniff(head.encode(), "x")
    assert (found.form, found.delimiter) == (form, delimiter)


def test_the_page_documents_every_column_as_the_code_has_it() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for column in COLUMNS:
        line = f"| `{column.name}` | {column.unit} | {column.default} | {column.use} |"
        assert line in text, column.name
        for synonym in column.synonyms:
            assert f"`{synonym}`" in text, synonym
    for extra in EXTRAS:
        assert f"`{extra}`" in text, extra
