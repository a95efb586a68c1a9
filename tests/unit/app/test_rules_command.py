"""The rules commands: what is known, and a venue's brackets from a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

TIERS = {
    "BTC/USDT:USDT": [
        {
            "tier": 1,
            "minNotional": 0,
            "maxNotional": 1_000_000,
            "maintenanceMarginRate": 0.01,
            "maxLeverage": 50,
        },
        {
            "tier": 2,
            "minNotional": 1_000_000,
            "maxNotional": 50_000_000,
            "maintenanceMarginRate": 0.05,
            "maxLeverage": 10,
        },
    ]
}


def test_show_names_every_venue_with_its_days(run: Any) -> None:
    done = run("rules", "show")
    assert done.code == 0
    names = [line.split()[0] for line in done.out.splitlines()]
    assert names == sorted(names)
    assert {"binance_usdm", "bybit", "okx", "hyperliquid", "generic", "htx"} <= set(names)
    (bybit,) = [line for line in done.out.splitlines() if line.startswith("bybit")]
    assert run("rules", "show", "ByBit").out.strip() == bybit
    assert "rules from" in bybit


def test_update_from_a_file_writes_a_block_that_then_holds(
    tmp_path: Path, run: Any, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiers = tmp_path / "tiers.json"
    tiers.write_text(json.dumps(TIERS))
    folder = tmp_path / "rules"
    monkeypatch.setenv("SEAWALL_RULES", str(folder))
    before = json.loads(run("explain", book, "--row", "1", "--format", "json").out)
    done = run(
        *("rules", "update", "--venue", "binance", "--from-file", tiers, "--date", "2026-10-01"),
        *("--out", folder),
    )
    assert done.code == 0, done.err
    assert "binance_usdm: 1 instrument, 2 brackets from 2026-10-01" in done.out
    assert list(folder.rglob("*.toml"))
    assert "2026-10-01" in run("rules", "show", "binance").out
    after = json.loads(run("explain", book, "--row", "1", "--format", "json").out)

    def margin(document: Any) -> float:
        return float(
            next(s["value"] for s in document["steps"] if s["what"] == "maintenance margin")
        )

    assert margin(before) == pytest.approx(2.5 * 86_600 * 0.004)
    assert margin(after) == pytest.approx(2.5 * 86_600 * 0.01)


def test_a_file_of_something_else_is_refused_and_nothing_written(tmp_path: Path, run: Any) -> None:
    folder = tmp_path / "rules"
    for text in ("[]", '{"BTC/USDT:USDT": [{"tier": 1}]}', "not json"):
        wrong = tmp_path / "wrong.json"
        wrong.write_text(text)
        done = run("rules", "update", "--venue", "binance", "--from-file", wrong, "--out", folder)
        assert done.code == 2, text
        # a slow machine has first said what it was doing: lines that end with dots
        said = [line for line in done.err.splitlines() if not line.endswith("…")]
        assert said[0].startswith("error: ")
        assert "wrong.json" in done.err
        assert not folder.exists()


def test_what_is_left_out_is_named_with_its_reason(tmp_path: Path, run: Any) -> None:
    tiers = tmp_path / "tiers.json"
    odd = {f"ETH/C{k}:C{k}": TIERS["BTC/USDT:USDT"] for k in range(21)}
    tiers.write_text(json.dumps(TIERS | odd))
    done = run(
        "rules", "update", "--venue", "okx", "--from-file", tiers, "--out", tmp_path / "mine"
    )
    assert done.code == 0, done.err
    assert "21 skipped" in done.out
    assert "skipped ETH/C0:C0: " in done.err
    assert "not in a dollar" in done.err
    assert "and 1 more" in done.err
