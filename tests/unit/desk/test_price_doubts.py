"""Histories that a fit must not rest on without a word: frozen, standing, with a bad tick."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.unit.desk.desk_books import made_candles, written

from seawall.core import InputError
from seawall.desk.history import Candles, read_candles
from seawall.desk.price_doubts import BEYOND, doubts
from seawall.desk.prices import fit_prices

MADE = made_candles(("BTC", "ETH"), 700)


def standing(candles: Candles, first: int, many: int, asset: int = 0) -> Candles:
    """The same with an asset's prices on the close before for some hours."""
    parts = {name: getattr(candles, name).copy() for name in ("open", "high", "low", "close")}
    for values in parts.values():
        values[first : first + many, asset] = candles.close[first - 1, asset]
    return replace(candles, **parts)


def ticked(candles: Candles, name: str, at: int, factor: float) -> Candles:
    values = getattr(candles, name).copy()
    values[at, 1] *= factor
    return replace(candles, **{name: values})


def test_sound_candles_raise_no_doubt() -> None:
    assert doubts(MADE) == ()
    assert fit_prices(MADE).notes == ()


def test_a_feed_that_died_is_refused_or_told_by_how_long() -> None:
    assert doubts(standing(MADE, 300, 5)) == ()
    told = doubts(standing(MADE, 300, 6))
    assert len(told) == 1
    assert told[0].startswith("BTC stands still for 6 hours from 2025-01-13T12:00:00Z in made")
    assert fit_prices(standing(MADE, 650, 23)).notes[0].startswith("BTC stands still for 23 hours")
    both = standing(standing(MADE, 676, 24), 100, 30, asset=1)
    with pytest.raises(InputError) as refused:
        fit_prices(both)
    text = str(refused.value)
    assert "a price that stands still (got 'BTC from 2025-01-29T04:00:00Z, 24 hours')" in text
    assert "ETH from 2025-01-05T04:00:00Z, 30 hours" in text


@pytest.mark.parametrize(("name", "factor", "times"), [("low", 0.1, 10), ("high", 4.0, 4)])
def test_an_extreme_that_nothing_else_of_its_hour_confirms_is_told(name, factor, times) -> None:
    at = 400
    found = doubts(ticked(MADE, name, at, factor))
    assert len(found) == 1
    price = getattr(MADE, name)[at, 1] * factor
    assert f"The {name} of ETH at 2025-01-17T16:00:00Z, {price:,.6g}, lies a factor" in found[0]
    said = float(found[0].partition("factor of ")[2].partition(" ")[0])
    assert said == pytest.approx(times, rel=0.05)
    assert (
        "one of 2 such hours" in doubts(ticked(ticked(MADE, name, at, factor), name, 9, factor))[0]
    )
    assert doubts(ticked(MADE, name, at, factor**0.3)) == ()


def test_five_minutes_are_judged_by_the_hour() -> None:
    fine = made_candles(("BTC",), 700, step=300.0)
    assert fit_prices(fine).notes == ()
    hours = standing(fine, 3_000, 12 * 7)
    found = fit_prices(hours).notes
    assert len(found) == 1
    assert "stands still for 7 hours" in found[0]
    assert np.isfinite(fit_prices(hours).daily_volatility).all()


def fallen_together(candles: Candles, at: int, factors: dict[int, float]) -> Candles:
    values = candles.low.copy()
    for asset, factor in factors.items():
        values[at, asset] *= factor
    return replace(candles, low=values)


def test_a_crash_that_other_coins_share_is_no_doubtful_low() -> None:
    coins = made_candles(("BTC", "ETH", "SOL", "XRP"), 700)
    crash = fallen_together(coins, 400, {0: 0.85, 1: 0.8, 3: 0.3})
    assert doubts(crash) == ()
    assert fit_prices(crash).notes == ()
    # one of three is no half of them, and an hour earlier is another hour
    few = fallen_together(coins, 400, {0: 0.85, 3: 0.3})
    assert "; 1 of 3 other coins had such a low then" in doubts(few)[0]
    apart = fallen_together(fallen_together(coins, 399, {0: 0.85, 1: 0.8, 2: 0.8}), 400, {3: 0.3})
    assert "; none of 3 other coins had such a low then" in doubts(apart)[0]
    # a rise does not confirm a fall
    risen = coins.high.copy()
    risen[400, :3] *= 1.3
    assert len(doubts(fallen_together(replace(coins, high=risen), 400, {3: 0.3}))) == 1


def test_a_second_shared_crash_makes_neither_doubtful() -> None:
    """A short history may hold two; the shallower is not the widest of any witness."""
    coins = made_candles(("BTC", "ETH", "SOL", "XRP"), 1_900)
    first = fallen_together(coins, 400, {0: 0.8, 1: 0.8, 2: 0.8, 3: 0.3})
    assert doubts(fallen_together(first, 1_500, {0: 0.85, 1: 0.85, 2: 0.85, 3: 0.35})) == ()


@pytest.mark.parametrize(("deepest", "told"), [(1.0, 1), (0.97, 1), (0.85, 0)])
def test_the_widest_wick_of_a_witness_is_none_if_it_is_small(deepest: float, told: int) -> None:
    """A bad tick in just the hour in which the only other coin went as far as it ever does."""
    reach = np.minimum(MADE.open[:, 0], MADE.close[:, 0]) / MADE.low[:, 0]
    at = int(np.argmax(reach))
    found = doubts(ticked(fallen_together(MADE, at, {0: deepest}), "low", at, 0.1))
    assert len(found) == told
    assert all("; none of 1 other coin had such a low then" in line for line in found)


def test_a_wick_usual_for_the_witness_confirms_nothing() -> None:
    """BTC's own wick a fifth down in most hours, so that one more of them says nothing."""
    wide = replace(
        MADE, low=MADE.low * np.where(np.arange(700) % 4 > 0, 0.8, 1.0)[:, None] ** [1, 0]
    )
    assert len(doubts(ticked(wide, "low", 401, 0.1))) == 1


def test_other_coins_of_the_file_are_asked_and_where_there_is_none_that_is_said(tmp_path) -> None:
    coins = fallen_together(
        made_candles(("BTC", "ETH", "SOL"), 700), 400, {0: 0.85, 1: 0.8, 2: 0.3}
    )
    whole, alone = written(coins, tmp_path / "all.csv"), tmp_path / "alone.csv"
    assert doubts(read_candles(whole, ("SOL",))) == ()
    written(coins.of(("SOL",)), alone)
    assert "no other coin is there to compare it with" in doubts(read_candles(alone, ("SOL",)))[0]
    folder = tmp_path / "folder"
    folder.mkdir()
    for asset in coins.assets:
        written(coins.of((asset,)), folder / f"{asset}.csv")
    assert doubts(read_candles(folder, ("SOL",))) == ()
    # what is not sound of the others is no witness, and no mistake
    (folder / "ETH.csv").write_text("time,asset,open\n1,ETH,2\n")
    assert len(doubts(read_candles(folder, ("SOL",)))) == 1


def test_the_crash_of_october_2025_is_no_bad_tick(shared_data: Path) -> None:
    file = shared_data / "candles" / "binance_perp_mark_1h.parquet"
    hours = read_candles(file)
    crash = 1_760_130_000 * 10**9  # 2025-10-10T21:00:00Z
    t = int(np.flatnonzero(hours.time == crash)[0])
    depth = np.minimum(hours.open[t], hours.close[t]) / hours.low[t]
    assert depth.max() > BEYOND
    assert not any("2025-10-10T21:00:00Z" in line for line in doubts(hours))
    # a book of that coin alone is held against the rest of the file
    worst = hours.assets[int(np.argmax(depth))]
    alone = read_candles(file, (worst,))
    assert not any("2025-10-10T21:00:00Z" in line for line in doubts(alone))
    assert any("2025-10-10T21:00:00Z" in line for line in doubts(replace(alone, beside=None)))
    # each single coin of the file is a witness, BTC and ETH that fell least among them
    for other in hours.assets:
        if other != worst:
            pair = replace(hours.of((other, worst)), beside=None)
            assert not any("2025-10-10T21:00:00Z" in line for line in doubts(pair))
