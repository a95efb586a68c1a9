"""A cascade computed by hand from its definition, beside what the command prints.

Five isolated longs on the generic venue: no fee, no surplus to the venue, closed in full, and no
winner who could be deleveraged, so that what the fund does not pay is bad debt.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

MARK, RATE = 100_000.0, 0.01


@dataclass(frozen=True)
class Long:
    name: str
    size: float
    collateral: float

    def equity(self, price: float) -> float:
        return self.collateral + self.size * (price - MARK)

    def falls(self, price: float) -> bool:
        return self.equity(price) <= RATE * self.size * price


BOOK = (
    Long("ann", 10.0, 95_000.0),
    Long("bob", 5.0, 57_000.0),
    Long("cid", 4.0, 52_000.0),
    Long("dee", 8.0, 240_000.0),
    Long("eve", 3.0, 31_500.0),
)


@dataclass(frozen=True)
class Hand:
    price: float
    forced: list[float]
    fallen: list[list[str]]
    deficits: float


def by_hand(change: float, depth: float, exponent: float) -> Hand:
    """Round by round: judge all at one price, close who falls, move the price by what was sold."""
    shocked = MARK * (1.0 + change)
    price, sold, deficits = shocked, 0.0, 0.0
    standing, forced, fallen = list(BOOK), [], []
    while True:
        now = [p for p in standing if p.falls(price)]
        if not now:
            return Hand(price, forced, fallen, deficits)
        usd = sum(p.size * price for p in now)
        forced.append(usd)
        fallen.append([p.name for p in now])
        deficits += sum(max(0.0, -p.equity(price)) for p in now)
        standing = [p for p in standing if p not in now]
        sold += usd
        price = shocked * math.exp(-0.01 * (sold / depth) ** exponent)


@pytest.fixture
def hand_book(tmp_path: Path) -> Path:
    path = tmp_path / "hand.csv"
    rows = [f"{p.name},generic,BTCUSDT,{p.size},{MARK},{MARK},{p.collateral},{RATE}" for p in BOOK]
    path.write_text(
        "account,venue,instrument,size,entry_price,mark_price,collateral,maintenance_margin_rate\n"
        + "\n".join(rows)
    )
    return path


def exact(value: float) -> Any:
    return pytest.approx(value, rel=1e-12, abs=1e-6)


@pytest.mark.parametrize("exponent", [1.0, 0.5])
@pytest.mark.parametrize("fund", [0.0, 5_000.0, 1e6])
@pytest.mark.parametrize("change", [-0.05, -0.0865, -0.095, -0.15])
def test_the_command_prints_what_the_definition_gives(
    change: float, fund: float, exponent: float, hand_book: Path, run: Any
) -> None:
    depth = 400e3
    hand = by_hand(change, depth, exponent)
    done = run(
        *("stress", hand_book, "--shock", f"BTC={change * 100}%", "--thinning", "1"),
        *("--impact-exponent", exponent, "--depth", f"BTC={depth}", "--fund", fund),
        *("--ladder", "-1%", "--format", "json"),
    )
    assert done.code == 0, done.err
    found = json.loads(done.out)
    btc, totals = found["assets"]["BTC"], found["totals"]
    assert btc["price_before"] == MARK
    assert btc["price_after_shock"] == exact(MARK * (1 + change))
    assert btc["price_final"] == exact(hand.price)
    assert totals["forced_notional_usd"] == btc["forced_notional_usd"] == exact(sum(hand.forced))
    first = hand.forced[0] if hand.forced else 0.0
    assert totals["forced_notional_first_round_usd"] == exact(first)
    multiplier = sum(hand.forced) / first if first else None
    assert totals["cascade_multiplier"] == (None if multiplier is None else exact(multiplier))
    assert totals["accounts_liquidated"] == sum(map(len, hand.fallen))
    assert totals["rounds"] == btc["rounds"] == len(hand.fallen)
    for row, usd, names in zip(found["rounds"], hand.forced, hand.fallen, strict=True):
        assert row["forced_notional_usd"] == exact(usd)
        assert row["accounts_liquidated"] == len(names)
    paid = min(fund, hand.deficits)
    assert totals["deficits_usd"] == exact(hand.deficits)
    assert totals["fund_before_usd"] == fund
    assert totals["fund_after_usd"] == exact(fund - paid)
    assert totals["bad_debt_usd"] == exact(hand.deficits - paid)
    assert totals["adl_notional_usd"] == 0


def test_the_hand_made_cases_are_worth_it() -> None:
    """One without a fall, one that ends in its first round, some that go on, deficits in one."""
    rounds = [len(by_hand(c, 400e3, 1.0).fallen) for c in (-0.05, -0.0865, -0.095, -0.15)]
    assert rounds[0] == 0
    assert max(rounds) >= 3
    assert by_hand(-0.15, 400e3, 1.0).deficits > 0
