"""Payloads of real results: their schemas describe them whole, and their sums agree."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from seawall import check, demo, explain, map, read_book, stress, to_json
from seawall.report import Report
from seawall.report.schema import schema_names, schema_of

BOOKS = sorted((Path(__file__).parents[2] / "golden" / "books").glob("*.csv"))

AWKWARD = """\
account,venue,instrument,size,entry_price,mark_price,margin_mode,collateral,wallet_balance,stop_price
ann,generic,BTCUSDT,1,100000,80000,isolated,5000,,
bob,binance,BTCUSD_PERP,-900,90000,80000,isolated,0.2,,
cid,bybit,BTCUSDT,1,81000,80000,cross,,90000,78000
cid,bybit,ETHUSDT,-10,2500,2400,cross,,,
"""
"""A bankrupt account, an inverse contract, a stop, a position that no price liquidates."""


def document(report: Report) -> Any:
    return json.loads(to_json(report))


def faults(made: Any) -> list[str]:
    validator = Draft202012Validator(schema_of(made["schema"]))
    return [f"{e.json_path}: {e.message}" for e in validator.iter_errors(made)]


@pytest.fixture(params=["awkward", *(p.stem for p in BOOKS)])
def book(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param != "awkward":
        return read_book(next(p for p in BOOKS if p.stem == request.param))
    path = tmp_path / "awkward.csv"
    path.write_text(AWKWARD)
    return read_book(path)


def test_every_report_fits_its_schema(book: Any) -> None:
    shock = {book.assets[0]: -0.12, "ALL": 0.02}
    options: Any = {"draws": 8, "ladder": (-0.05, -0.3), "liquidates_usd": 1e5}
    for report in (
        check(book),
        map(book),
        stress(book, shock, **options),
        stress(book, shock, **options, partial=True, thinning=1, impact_exponent=1, fund=1e6),
        explain(book, int(book.positions.row[0])),
        *(explain(book, int(r), shock=shock) for r in book.positions.row[:4]),
    ):
        assert faults(document(report)) == []


def test_the_demo_fits_its_schema_and_holds_the_stress_test_whole() -> None:
    report, _ = demo(accounts=20_000, draws=4, ladder=(-0.05,))
    made = document(report)
    assert faults(made) == []
    keys = {f["key"] for f in made["record"]}
    assert {"total_usd", "traders", "shorts_95k_usd", "ordinary_traders", "ordinary_usd"} <= keys
    without = {k: v for k, v in made.items() if k != "record"} | {"schema": "seawall.stress/1"}
    assert faults(without) == []
    first, second = report.answer[:2]
    assert "reproduces the published record of 21 November 2025" in first
    assert "of shorts would be liquidated at 95,000" in second
    assert sum("synthetic" in w.lower() for w in report.warnings) == 1


def test_a_key_that_no_schema_knows_is_a_fault(book: Any) -> None:
    made = document(check(book))
    made["positions"][0]["surprise"] = 1
    assert any("surprise" in f for f in faults(made))
    del made["positions"][0]["surprise"]
    del made["totals"]["positions"]
    assert any("'positions' is a required property" in f for f in faults(made))


def described(schema: Any, path: str = "$") -> Iterator[tuple[str, Any]]:
    """Every property that a schema names, with its path."""
    for name, part in schema.get("properties", {}).items():
        yield f"{path}.{name}", part
        yield from described(part, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from described(schema[key], f"{path}[]")
    for name, part in schema.get("$defs", {}).items():
        yield from described(part, f"{path}/{name}")


@pytest.mark.parametrize("name", ["check", "map", "stress", "explain", "demo"])
def test_every_key_is_documented_and_nothing_else_is_allowed(name: str) -> None:
    assert f"seawall.{name}/1" in schema_names()
    schema = schema_of(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for path, part in described(schema):
        if "$ref" in part:
            assert part["$ref"].removeprefix("#/$defs/") in schema["$defs"], path
            continue
        assert len(part.get("description", "")) >= 5, path
        if part.get("type") == "object":
            assert "additionalProperties" in part, path
        if path.rpartition(".")[2].endswith("_usd") and part.get("type") == "number":
            assert "USD" in part["description"], path


def test_sums_agree(book: Any) -> None:
    made = document(stress(book, {"ALL": -0.15}, draws=0, ladder=(-0.05,), thinning=2))
    totals = made["totals"]
    close = lambda x: pytest.approx(x, rel=1e-9, abs=1e-6)  # noqa: E731
    for whole, parts in (
        ("forced_notional_usd", made["assets"].values()),
        ("forced_notional_usd", made["venues"].values()),
        ("forced_notional_usd", made["sides"].values()),
        ("forced_notional_usd", made["rounds"]),
        ("stopped_notional_usd", made["rounds"]),
        ("forced_notional_first_round_usd", made["assets"].values()),
        ("adl_notional_usd", made["assets"].values()),
        ("bad_debt_usd", made["venues"].values()),
        ("deficits_usd", made["venues"].values()),
    ):
        assert sum(p[whole] for p in parts) == close(totals[whole]), whole
    for row in made["rounds"]:
        assert sum(row["by_asset_usd"].values()) == close(row["forced_notional_usd"])
        assert sum(row["by_venue_usd"].values()) == close(row["forced_notional_usd"])
        assert row["forced_long_usd"] + row["forced_short_usd"] == close(row["forced_notional_usd"])
    for group in made["losses"]:
        moved = group["market_usd"] + group["waterfall_usd"]
        assert group["equity_before_usd"] + moved == close(group["equity_after_usd"])
    paid = totals["paid_by_fund_usd"] + totals["paid_by_adl_usd"] + totals["socialised_usd"]
    assert paid + totals["bad_debt_usd"] == close(totals["deficits_usd"])
    assert abs(totals["conservation_error"]) <= 1e-9


def test_the_map_holds_every_position_once(book: Any) -> None:
    made = document(map(book, assets=book.assets))
    for asset, drawn in made["maps"].items():
        assert len(drawn["edges"]) == len(drawn["long_usd"]) + 1, asset
        for side in ("long_usd", "short_usd"):
            by_venue = [v[side] for v in drawn["by_venue"].values()]
            assert [sum(step) for step in zip(*by_venue, strict=True)] == pytest.approx(drawn[side])
    whole, *groups = made["concentration"]
    for kind in ("venue ", "asset "):
        parts = [g["notional_usd"] for g in groups if g["group"].startswith(kind)]
        assert sum(parts) == pytest.approx(whole["notional_usd"])


def test_a_bankrupt_account_has_no_ratio_and_is_told_first(tmp_path: Path) -> None:
    path = tmp_path / "awkward.csv"
    path.write_text(AWKWARD)
    report = check(read_book(path))
    made = document(report)
    ann = made["accounts"][0]
    assert (ann["equity"], ann["margin_ratio"], ann["liquidatable"]) == (-15_000.0, None, True)
    assert made["totals"]["accounts_bankrupt"] == 1
    assert report.answer[0].startswith("1 of 3 margin accounts is at or below maintenance")
    assert ann["collateral_to_target"] == pytest.approx(ann["maintenance_margin"] / 0.5 + 15_000)
