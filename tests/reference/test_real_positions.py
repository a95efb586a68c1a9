"""The engine on real positions: what the venue printed comes out wherever the list allows it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from real_positions import (
    DELEVERAGED,
    POSITIONS,
    SURVIVORS,
    VENUE,
    Readings,
    deleveraged,
    readings,
    snapshot_times,
    survivors,
    table,
)

from seawall.core import Book
from seawall.ingest import read_book
from seawall.margin import MarginBook
from seawall.margin.deleveraging import price_ratio_times_leverage
from seawall.risk import StaticCascade, clusters, liquidation_map
from seawall.rulebook import bind


@pytest.fixture(scope="module")
def path(shared_data: Path) -> Path:
    return shared_data / POSITIONS


@pytest.fixture(scope="module")
def book(path: Path) -> Book:
    return read_book(path, venue=VENUE)


@pytest.fixture(scope="module")
def margin(book: Book) -> MarginBook:
    return bind(book)


@pytest.fixture(scope="module")
def last(path: Path) -> Readings:
    return readings(path)


def test_the_state_of_every_position_is_known(book: Book, margin: MarginBook, path: Path) -> None:
    rows = table(path, "SELECT unrealized_pnl FROM {file}")
    mine = book.positions.row - 1
    assert 2.2e9 < book.notional().sum() < 2.3e9
    # entries are printed to five digits, those of cheap coins to fewer
    error = np.abs(margin.pnl() - rows["unrealized_pnl"][mine])
    cost = np.abs(book.positions.size) * book.positions.entry
    assert (error <= 5e-4 * cost + 0.01).mean() > 0.99
    assert (error <= 4e-3 * cost).all()
    assert np.median(error / cost) < 1e-5
    state = margin.accounts_state()
    for values in (state.equity, state.maintenance, state.initial, margin.printed_ratio()):
        assert not np.isnan(values).any()
    assert (state.maintenance > 0).all()


@pytest.mark.parametrize("asset", ["BTC", "ETH", "HYPE", "SOL"])
def test_the_map_loses_no_notional(book: Book, margin: MarginBook, asset: str) -> None:
    drawn = liquidation_map(margin, asset)
    mine = book.asset_codes() == book.assets.index(asset)
    price = margin.liquidation_price()
    fallen = margin.accounts_state().liquidatable[book.positions.account]
    at_price = (np.abs(book.positions.size) * price)[mine & np.isfinite(price) & ~fallen].sum()
    told = drawn.long_usd.sum() + drawn.short_usd.sum() + sum(drawn.below) + sum(drawn.above)
    assert told == pytest.approx(at_price, rel=1e-9)
    rest = (book.notional()[mine] * (np.isnan(price) | fallen)[mine]).sum()
    assert drawn.never + drawn.already == pytest.approx(rest, rel=1e-9)
    for cluster in clusters(drawn, 0.03):
        assert cluster.low <= cluster.peak <= cluster.high
        assert 0 < cluster.notional_usd <= told


@pytest.mark.parametrize("shock", [{"ALL": -0.1}, {"BTC": -0.3}, {"ALL": 0.25}])
@pytest.mark.parametrize("partial", [False, True], ids=["full", "partial"])
def test_a_shock_is_settled_to_the_last_dollar(
    margin: MarginBook, shock: dict[str, float], partial: bool
) -> None:
    result = StaticCascade(margin, partial=partial).run(shock, fund=1e6)
    assert result.forced_usd > 0
    assert result.multiplier is None or result.multiplier >= 1
    for values in (result.factor, result.forced, result.equity, result.settlement.transfer):
        assert np.isfinite(values).all()
    assert abs(result.settlement.conservation_error) < 1e-9
    # nothing is closed twice: each coin's forced notional is within its own at the dearest mark
    held = np.bincount(margin.book.asset_codes(), margin.book.notional())
    assert (result.forced.sum(axis=0) <= held * result.factor.max(axis=0) * (1 + 1e-9)).all()


def test_one_printed_price_of_an_account_tells_all_the_others(last: Readings) -> None:
    """Equity told by the largest position: the cross formula has nothing left to fit."""
    shared = last.shared
    assert shared.rows > 500
    assert shared.exact > 0.85 * shared.rows
    assert shared.median < 1e-9
    assert last.shared_accounts_exact > 0.7 * last.shared_accounts


def test_what_does_not_come_out_is_mostly_another_highest_leverage(last: Readings) -> None:
    rows = last.shared.rows + last.stand_in.rows
    explained = last.shared.exact + last.stand_in.exact + last.limits
    assert explained > 0.9 * rows
    # a stand-in liquidates early rather than late
    assert last.stand_in_nearer > 0.8 * last.stand_in.rows or last.stand_in.rows < 50


def test_no_price_is_computed_where_the_venue_prints_none(last: Readings) -> None:
    assert last.silent > 200
    assert last.silent_agreed >= 0.99 * last.silent


def test_listed_account_values_only_come_near(last: Readings) -> None:
    """They were taken at another moment than the positions, and count other holdings."""
    assert last.value_alone.median < 0.02
    assert last.value.exact == 0
    low, middle, high = np.percentile(last.revaluation, [25, 50, 75])
    assert -0.03 < low <= middle <= high < 0
    assert last.isolated.within_1_percent < 0.02 * last.isolated.rows


def test_every_snapshot_has_its_own_time(path: Path) -> None:
    times = snapshot_times(path)
    assert len(times) == 14
    first = read_book(path, venue=VENUE, when=times[0])
    assert abs(first.time - read_book(path, venue=VENUE, when=times[1]).time) > 0
    assert readings(path, times[0]).shared.exact > 500


def test_effective_leverage_of_those_deleveraged_on_10_october(shared_data: Path) -> None:
    rows, book = deleveraged(shared_data / DELEVERAGED)
    margin = bind(book)
    once = rows["num_adl_events"] == 1
    leverage = margin.effective_leverage()
    error = np.abs(leverage / rows["leverage_realtime"] - 1)[once]
    assert once.sum() > 12_000
    assert (error < 0.01).mean() > 0.99
    np.testing.assert_allclose(margin.pnl(), rows["closed_pnl"], rtol=1e-6, atol=1e-6)
    p = book.positions
    equity = margin.accounts_state().equity
    score = price_ratio_times_leverage(np.sign(p.size), p.entry, p.mark, book.notional(), equity)
    assert np.isfinite(score).all()
    assert (score >= 0).all()
    # those in profit stand before those at a loss of the same leverage
    np.testing.assert_allclose(score, leverage * p.entry / p.mark, rtol=1e-12)


def test_the_recorded_deleveraging_adds_up(shared_data: Path) -> None:
    rows, book = deleveraged(shared_data / DELEVERAGED)
    told = json.loads((shared_data / "hyperliquid_oct10/results.json").read_text("utf-8"))
    total = told["adl_net_volume_results"]["total_notional"]
    everything = table(shared_data / DELEVERAGED, "SELECT sum(adl_notional) AS usd FROM {file}")
    assert everything["usd"][0] == pytest.approx(total, rel=1e-6)
    assert book.notional().sum() == pytest.approx(rows["adl_notional"].sum(), rel=1e-12)
    assert book.notional().sum() > 0.99 * total


@pytest.mark.parametrize("which", ["deleveraged", "survivors"])
@pytest.mark.parametrize("change", [-0.15, 0.15])
def test_books_of_10_october_run_through(shared_data: Path, which: str, change: float) -> None:
    if which == "survivors":
        book = survivors(shared_data / SURVIVORS)
    else:
        _, book = deleveraged(shared_data / DELEVERAGED)
    margin = bind(book)
    assert len(book) > 1_000
    drawn = liquidation_map(margin, "BTC")
    assert drawn.long_usd.sum() + drawn.short_usd.sum() + sum(drawn.below) + sum(drawn.above) > 0
    result = StaticCascade(margin).run({"ALL": change})
    assert abs(result.settlement.conservation_error) < 1e-9
    for values in (result.factor, result.forced, result.equity, result.settlement.transfer):
        assert np.isfinite(values).all()
    again = StaticCascade(margin).run({"ALL": change})
    np.testing.assert_array_equal(result.equity, again.equity)
