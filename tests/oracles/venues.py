"""Venues' terms and brackets, written down from their own pages for the tests alone."""

from __future__ import annotations

from oracles.scenes import Contract, Table, ladder, steps
from seawall.core import CloseFee, MaintenanceBasis, MarginTerms, RatioForm, TickRule, VenueTerms

# Binance USD-M, 2026-09: floor, rate, published cum
BTC = Table(
    (0, 3e5, 8e5, 3e6, 12e6, 70e6, 100e6, 230e6, 480e6, 600e6, 800e6, 1.2e9),
    (0.004, 0.005, 0.0065, 0.01, 0.02, 0.025, 0.05, 0.10, 0.125, 0.15, 0.25, 0.50),
    (0, 300, 1500, 12e3, 132e3, 482e3, 2.982e6, 14.482e6, 26.482e6, 41.482e6, 121.482e6, 421.482e6),
)
ETH = Table(
    (0, 3e5, 8e5, 3e6, 12e6, 50e6, 65e6, 150e6, 320e6, 400e6, 530e6, 800e6),
    BTC.rates,
    (0, 300, 1500, 12e3, 132e3, 382e3, 2.007e6, 9.507e6, 17.507e6, 27.507e6, 80.507e6, 280.507e6),
)
SOL = Table(
    (0, 5e4, 4e5, 1e6, 4e6, 8e6, 40e6, 80e6, 100e6, 200e6),
    (0.005, 0.0065, 0.01, 0.02, 0.025, 0.05, 0.10, 0.125, 0.25, 0.50),
    (0, 75, 1475, 11475, 31475, 231475, 2.231475e6, 4.231475e6, 16.731475e6, 66.731475e6),
)
ARB = Table(
    (0, 5e3, 5e4, 1e5, 5e5, 1e6, 5e6, 6e6, 7e6, 8e6),
    (0.006, 0.01, 0.015, 0.02, 0.025, 0.05, 0.10, 0.125, 0.25, 0.50),
    (0, 20, 270, 770, 3270, 28270, 278270, 428270, 1.30327e6, 3.30327e6),
)
COIN = ladder(
    (0, 5, 10, 20, 50, 100, 200, 400), (0.004, 0.005, 0.01, 0.025, 0.05, 0.1, 0.125, 0.15)
)
BYBIT = ladder(
    (0, 2e6, 2.6e6, 3.2e6, 3.8e6, 4.4e6, 5e6, 5.6e6, 8.5e6, 10e6, 14e6, 20e6, 28e6, 38e6),
    (
        0.005, 0.0056, 0.0063, 0.0067, 0.0071, 0.0077, 0.0091, 0.01, 0.013, 0.015, 0.016, 0.02,
        0.025, 0.029,
    ),
)  # fmt: skip
OKX = steps(
    (0, 1000, 3000, 8000, 16000, 24000, 32000), (0.004, 0.0065, 0.01, 0.015, 0.02, 0.025, 0.03)
)
HL_BTC = ladder((0, 150e6), (1 / 80, 1 / 40))
HL_ETH = ladder((0, 100e6), (1 / 50, 1 / 30))
HL_SOL = ladder((0, 70e6), (1 / 40, 1 / 20))
HL_ARB = ladder((0, 3e6), (1 / 20, 1 / 10))
# Deribit: 1% + 0.005% a BTC, 1% + 0.0004% an ETH, 2% + 0.0005% a SOL
DERIBIT_BTC = Table((0,), (0.01,), (0,), growth=5e-5)
DERIBIT_ETH = Table((0,), (0.01,), (0,), growth=4e-6)
DERIBIT_SOL = Table((0,), (0.02,), (0,), growth=5e-6)
DYDX = [Table((0,), (rate,), (0,)) for rate in (0.03, 0.03, 0.05, 0.1)]

MARGIN: dict[str, MarginTerms] = {
    "binance_usdm": MarginTerms(taker_fee=5e-4, truncate_decimals=8, leverage_rate_decimals=8),
    "binance_coinm": MarginTerms(taker_fee=5e-4),
    "bybit_old": MarginTerms(
        taker_fee=6e-4,
        maintenance_basis=MaintenanceBasis.ENTRY,
        close_fee=CloseFee.ENTRY,
        tick_rule=TickRule.ROUND_TOWARD_ENTRY,
    ),
    "bybit_new": MarginTerms(
        taker_fee=5.5e-4,
        close_fee=CloseFee.BANKRUPTCY,
        tick_rule=TickRule.ROUND_TOWARD_ENTRY,
    ),
    "okx": MarginTerms(
        taker_fee=5e-4,
        fee_in_maintenance=True,
        ratio_form=RatioForm.EQUITY_OVER_MAINTENANCE,
        tick_rule=TickRule.ONE_TICK_TOWARD_MARK,
    ),
    "hyperliquid": MarginTerms(taker_fee=4.5e-4, collateral_includes_pnl=True),
    "deribit": MarginTerms(taker_fee=5e-4),
    "dydx": MarginTerms(taker_fee=5e-4, round_up_decimals=6),
}
TERMS = {name: VenueTerms(name, name, margin=m) for name, m in MARGIN.items()}

PRICES = {"BTC": 86_600.0, "ETH": 2_830.0, "SOL": 131.5, "ARB": 0.2113}


def _linear(tables: tuple[Table, Table, Table, Table], face: bool = False) -> tuple[Contract, ...]:
    faces = (0.01, 0.1, 1.0, 10.0) if face else (1.0, 1.0, 1.0, 1.0)
    ticks = (0.1, 0.01, 0.001, 0.0001)
    return tuple(
        Contract(a, False, f, t, table)
        for a, f, t, table in zip(PRICES, faces, ticks, tables, strict=True)
    )


def _inverse(table: Table) -> tuple[Contract, ...]:
    return (
        Contract("BTC", True, 100.0, 0.1, table),
        Contract("ETH", True, 10.0, 0.01, table),
        Contract("BTC", True, 100.0, 0.1, table),
    )


CONTRACTS: dict[str, tuple[Contract, ...]] = {
    "binance_usdm": _linear((BTC, ETH, SOL, ARB)),
    "binance_coinm": _inverse(COIN),
    "bybit_old": _linear((BYBIT, BYBIT, BYBIT, BYBIT)) + _inverse(COIN),
    "bybit_new": _linear((BYBIT, BYBIT, BYBIT, BYBIT)) + _inverse(COIN),
    "okx": _linear((OKX, OKX, OKX, OKX), face=True) + _inverse(OKX),
    "hyperliquid": _linear((HL_BTC, HL_ETH, HL_SOL, HL_ARB)),
    "deribit": (
        Contract("BTC", False, 1.0, 0.5, DERIBIT_BTC),
        Contract("SOL", False, 1.0, 0.01, DERIBIT_SOL),
        Contract("BTC", True, 1.0, 0.5, DERIBIT_BTC),
        Contract("ETH", True, 1.0, 0.05, DERIBIT_ETH),
        Contract("BTC", True, 1.0, 0.5, DERIBIT_BTC),
    ),
    "dydx": _linear((DYDX[0], DYDX[1], DYDX[2], DYDX[3])),
}
