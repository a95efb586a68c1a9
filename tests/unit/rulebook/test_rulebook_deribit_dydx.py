"""Deribit and dYdX: names, margins and terms as their pages and genesis state them."""

import numpy as np
import pytest

from seawall.core import (
    AdlRank,
    AdlTrigger,
    ContractType,
    PartialRule,
    RulebookError,
    RuleError,
    Surplus,
)
from seawall.ingest import read_book
from seawall.rulebook import Rules, bind
from seawall.rulebook._files import read_file
from seawall.rulebook.rules import BUNDLE

RULES = Rules.from_folders(BUNDLE)


@pytest.mark.parametrize(
    ("written", "symbol", "inverse"),
    [
        ("BTC-PERPETUAL", "BTC-PERPETUAL", True),
        ("BTC", "BTC-PERPETUAL", True),
        ("BTCUSD", "BTC-PERPETUAL", True),
        ("BTC/USD:BTC", "BTC-PERPETUAL", True),
        ("ETH-28MAR25", "ETH-28MAR25", True),
        ("SOL_USDC-PERPETUAL", "SOL_USDC-PERPETUAL", False),
        ("SOL", "SOL_USDC-PERPETUAL", False),
        ("SOL/USDC:USDC", "SOL_USDC-PERPETUAL", False),
        ("BTC_USDC-28MAR25", "BTC_USDC-28MAR25", False),
    ],
)
def test_names_at_deribit(written, symbol, inverse):
    found = RULES.instrument("deribit", written)
    assert found.symbol == symbol
    assert (found.contract_type is ContractType.INVERSE) == inverse
    assert found.contract_size == 1.0
    assert found.settle == (found.asset if inverse else "USD")


@pytest.mark.parametrize("written", ["BTC-USD", "BTC", "BTC/USDC:USDC", "BTCUSD", "BTC-USDC"])
def test_names_at_dydx(written):
    found = RULES.instrument("dydx", written)
    assert found.symbol == "BTC-USD"
    assert not found.inverse
    with pytest.raises(RuleError, match="inverse"):
        RULES.instrument("dydx", "BTC/USD:BTC")


def test_aliases():
    assert RULES.canonical_venue("dydx_v4") == RULES.canonical_venue("dYdX chain") == "dydx"
    assert RULES.canonical_venue("Deribit") == "deribit"


@pytest.mark.parametrize(
    ("symbol", "rate", "initial", "growth"),
    [
        # notice of 2022-01-11; help, Linear Perpetual
        ("BTC-PERPETUAL", 0.01, 0.02, 0.00005),
        ("ETH-PERPETUAL", 0.01, 0.02, 0.000004),
        ("BTC_USDC-PERPETUAL", 0.01, 0.02, 0.00005),
        ("SOL_USDC-PERPETUAL", 0.02, 0.04, 0.000005),
    ],
)
def test_deribits_rates(symbol, rate, initial, growth):
    found = RULES.schedule("deribit", symbol)
    assert (found.rates.tolist(), found.growth) == ([rate], growth)
    assert 1 / found.max_leverage[0] == pytest.approx(initial)


@pytest.mark.parametrize(
    ("coin", "initial", "fraction"),
    [("BTC", 0.05, 0.6), ("ETH", 0.05, 0.6), ("SOL", 0.1, 0.5), ("LDO", 0.2, 0.5), ("?", 1.0, 0.2)],
)
def test_dydx_tiers(coin, initial, fraction):
    found = RULES.bracket("dydx", f"{coin.replace('?', 'NOSUCH')}-USD")
    assert found.schedule.rates.tolist() == [pytest.approx(initial * fraction)]
    assert 1 / found.schedule.max_leverage[0] == pytest.approx(initial)
    assert bool(found.stand_in) == (coin == "?")


def test_who_bears_losses():
    deribit, dydx = RULES.terms("deribit"), RULES.terms("dydx")
    assert deribit.loss.rank is AdlRank.NONE
    assert deribit.loss.socialised
    assert deribit.liquidation.partial is PartialRule.JUST_ENOUGH
    assert (deribit.liquidation.fee, deribit.liquidation.least_usd) == (0.0075, 2000.0)
    assert dydx.loss.rank is AdlRank.RANDOM
    assert not dydx.loss.socialised
    assert dydx.loss.trigger is AdlTrigger.FUND_EXHAUSTED
    assert dydx.loss.most_per_account_usd == 1e6
    out = dydx.liquidation
    assert out.partial is PartialRule.SLICES
    assert (out.fraction, out.least_usd, out.most_usd, out.fee) == (0.1, 1e3, 1e5, 0.015)
    assert (out.bankruptcy_adjustment, out.spread_to_maintenance) == (1.0, 1.5)
    assert {deribit.liquidation.surplus, out.surplus} == {Surplus.TRADER}
    assert np.isinf(RULES.terms("okx").liquidation.most_usd)


def test_the_stand_in_covers_the_growing_rates_it_names():
    linear, inverse = (RULES.bracket("deribit", "NOSUCH", 0, k).schedule for k in KINDS)
    sol, btc = (RULES.schedule("deribit", s) for s in ("SOL_USDC-PERPETUAL", "BTC-PERPETUAL"))
    usd, coins = np.geomspace(1, 8e6, 400), np.geomspace(1e-3, 8e3, 400)
    for schedule, size, need in (
        (linear, usd, usd * (sol.rates[0] + sol.growth * usd / 100.0)),
        (inverse, coins, coins * (2 * btc.rates[0] + btc.growth * coins)),
    ):
        k = schedule.bracket(size)
        assert np.all(schedule.rates[k] * size - schedule.deductions[k] >= need * (1 - 1e-9))


KINDS = ("linear", "inverse")


def test_a_book_is_margined_by_the_rulebook_alone():
    row = {"account": "a", "venue": "deribit", "instrument": "BTC-PERPETUAL", "side": "short"}
    row |= {"quantity": 8e6, "entry_price": 1e5, "mark_price": 8e4, "wallet_balance": 10}
    row |= {"margin_mode": "cross"}
    margin = bind(read_book([row], rules=RULES), RULES)
    assert margin.maintenance()[0] == pytest.approx(100 * (0.01 + 100 * 0.00005))
    assert margin.initial()[0] == pytest.approx(100 * (0.02 + 100 * 0.00005))
    small = {**row, "venue": "dydx", "instrument": "ETH-USD", "quantity": 1.0001, "side": "long"}
    small |= {"entry_price": 3000.01, "mark_price": 3000.01, "wallet_balance": 1000}
    printed = bind(read_book([small], rules=RULES), RULES)
    assert printed.maintenance()[0] == 90.009301  # 90.0093000..03: up to the next millionth
    assert printed.need()[0] < printed.maintenance()[0]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("least_usd = 1000\n", "", ["slices", "least_usd"]),
        ("most_usd = 100000", "most_usd = 10", ["least_usd", "most_usd"]),
        ("fraction = 0.1", "fraction = 0", ["fraction"]),
        ('rank = "random"', 'rank = "dice"', ["rank"]),
    ],
)
def test_steps_that_cannot_be_are_refused(tmp_path, old, new, words):
    text = (BUNDLE / "dydx" / "rules.toml").read_text()
    assert old in text
    path = tmp_path / "rules.toml"
    path.write_text(text.replace(old, new))
    with pytest.raises(RulebookError) as error:
        read_file(path)
    for word in words:
        assert word in str(error.value)


def test_a_rate_that_grows_has_one_bracket(tmp_path):
    home = tmp_path / "deribit"
    home.mkdir()
    for name in ("venue.toml", "rules.toml", "brackets.toml"):
        (home / name).write_text((BUNDLE / "deribit" / name).read_text())
    text = (home / "brackets.toml").read_text()
    two = text.replace("rows = [[0, 0.02, 25]]", "rows = [[0, 0.02, 25], [10, 0.03, 20]]")
    (home / "brackets.toml").write_text(two)
    with pytest.raises(RulebookError, match="SOL_USDC-PERPETUAL") as error:
        Rules.from_folders(tmp_path).schedule("deribit", "BTC-PERPETUAL")
    assert "grows with the size" in str(error.value)
