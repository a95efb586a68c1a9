"""What others ship for the same question, called as they mean it to be called.

Each function returns None where the package is not installed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.books import FLOORS, RATES, SCHEDULE

Floats = NDArray[np.float64]


def freqtrade(columns: dict[str, Floats]) -> Callable[[], Floats] | None:
    """``Binance.dry_run_liquidation_price`` of each position, isolated margin."""
    if find_spec("freqtrade") is None:
        return None
    logging.disable(logging.WARNING)
    from freqtrade.enums import MarginMode, RunMode, TradingMode
    from freqtrade.exchange.binance import Binance

    # the class without its constructor, which asks the exchange for its markets
    venue = Binance.__new__(Binance)
    venue._config = {"runmode": RunMode.BACKTEST, "dry_run": True}
    venue.margin_mode, venue.trading_mode = MarginMode.ISOLATED, TradingMode.FUTURES
    venue._leverage_tiers = {"BTC/USDT:USDT": _tiers()}
    venue.close = lambda: None
    rows = [columns[c].tolist() for c in ("size", "entry", "balance", "leverage")]
    ask = venue.dry_run_liquidation_price

    def call() -> Floats:
        return np.array(
            [
                # their stake is the notional that chooses the bracket
                ask("BTC/USDT:USDT", e, z < 0, abs(z), abs(z) * e, lev, b, [])
                for z, e, b, lev in zip(*rows, strict=True)
            ]
        )

    return call


def _tiers() -> list[dict[str, float]]:
    lines = zip(FLOORS, RATES, SCHEDULE.deductions.tolist(), strict=True)
    return [
        {"minNotional": f, "maintenanceMarginRate": r, "maintAmt": d, "maxLeverage": 125.0}
        for f, r, d in lines
    ]


def nautilus(columns: dict[str, Floats]) -> Callable[[], list[Any]] | None:
    """``MarginAccount.calculate_margin_init`` and ``_maint`` of each position, one bracket."""
    if find_spec("nautilus_trader") is None:
        return None
    from nautilus_trader.model.enums import PositionSide
    from nautilus_trader.test_kit.providers import TestInstrumentProvider
    from nautilus_trader.test_kit.stubs.execution import TestExecStubs

    account = TestExecStubs.margin_account()
    instrument = TestInstrumentProvider.btcusdt_perp_binance()
    # their own value types made beforehand: the calculation is timed, not the conversion
    rows = [
        (
            PositionSide.LONG if z > 0 else PositionSide.SHORT,
            instrument.make_qty(max(abs(z), 0.001)),
            instrument.make_price(p),
        )
        for z, p in zip(columns["size"].tolist(), columns["mark"].tolist(), strict=True)
    ]

    def call() -> list[Any]:
        return [
            (
                account.calculate_margin_init(instrument, quantity, price),
                account.calculate_margin_maint(instrument, side, quantity, price),
            )
            for side, quantity, price in rows
        ]

    return call


def lrvx(columns: dict[str, Floats]) -> Callable[[float], int] | None:
    """A book in ``LiquidationEngine``; the call marks it once and returns its liquidations."""
    if find_spec("lrvx") is None:
        return None
    from lrvx import LiquidationEngine

    engine = LiquidationEngine()
    for floor, r in zip(FLOORS, RATES, strict=True):
        engine.add_tier(floor, r)
    engine.set_insurance_fund_capital(1e15)
    rows = zip(*(columns[c].tolist() for c in ("size", "entry", "balance")), strict=True)
    for account, (size, entry, balance) in enumerate(rows):
        engine.open_position(account, 0, size, entry, balance)

    def call(price: float) -> int:
        engine.on_mark(0, price)
        return int(engine.liquidations_count())

    return call
