"""A tape of all kinds of feeds, and figures held against each other field by field."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest
from tests.unit.risk import tapes

from seawall.core.tape import Coverage, Tape
from seawall.risk import coverage_check as made
from seawall.risk.coverage import Shows


def several_venues(seed: int = 3) -> Tape:
    """All kinds of feeds, busy and quiet instruments, and one that breaks its venue's rule."""
    rng = np.random.default_rng(seed)
    parts, names = [], []
    for venue, instrument, level, coverage in (
        ("bybit", "BTCUSDT", 0.3, Coverage.ALL),
        ("binance_usdm", "BTCUSDT", 0.8, Coverage.ONE_A_SLOT),
        ("binance_usdm", "ETHUSDT", 0.3, Coverage.ONE_A_SLOT),
        ("binance_usdm", "SOLUSDT", 0.02, Coverage.ONE_A_SLOT),
        ("binance_usdm", "DOGEUSDT", 0.01, Coverage.ONE_A_SLOT),
        ("binance_coinm", "BTCUSD_PERP", 0.05, Coverage.ONE_A_SLOT),
        ("okx", "BTC-USD-SWAP", 0.1, Coverage.UNKNOWN),
        ("hyperliquid", "ETH", 0.05, Coverage.SAMPLE),
    ):
        all_of_it = made.whole(made.constant(level, 3600, rng), rng)
        shown = coverage is Coverage.ONE_A_SLOT
        part = made.thinned(all_of_it, Shows.LARGEST) if shown else all_of_it
        parts.append(part)
        names += [(venue, instrument, int(coverage))] * len(part)
    broken = tapes.tape_of(time=made.START + np.repeat(np.arange(90), 4) * made.SECOND)
    parts.append(broken)
    names += [("binance_usdm", "XRPUSDT", int(Coverage.ONE_A_SLOT))] * len(broken)
    return named(parts, names, rng)


def named(parts: list[Tape], names: list[tuple[str, str, int]], rng: np.random.Generator) -> Tape:
    n = len(names)
    venues = tuple(sorted({v for v, _, _ in names}))
    instruments = tuple(sorted({i for _, i, _ in names}))
    assets = tuple(sorted({_asset(i) for _, i, _ in names}))
    # inverse contracts have a face, which many events share
    inverse = np.array(["USD_" in i or "USD-" in i for _, i, _ in names])
    usd = np.concatenate([p.notional for p in parts])
    usd = np.where(inverse, np.ceil(usd / 10_000) * 100, usd)
    price = rng.lognormal(4, 0.01, n)
    return replace(
        tapes.tape_of(
            time=np.concatenate([p.time for p in parts]),
            notional=usd,
            price=price,
            side=np.where(rng.random(n) < 0.6, 1, -1),
            venue=[venues.index(v) for v, _, _ in names],
            instrument=[instruments.index(i) for _, i, _ in names],
            asset=[assets.index(_asset(i)) for _, i, _ in names],
            coverage=[c for _, _, c in names],
            kind=rng.choice([0, 0, 0, 1, 2, 3], n, p=[0.3, 0.3, 0.25, 0.1, 0.03, 0.02]),
            account=rng.integers(0, 40, n),
            at_fill=rng.random(n) < 0.5,
            venues=venues,
            instruments=instruments,
            assets=assets,
        ),
        received=np.concatenate([p.time for p in parts]) + rng.integers(0, 10**9, n),
        event_id=np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15),
    )


def _asset(instrument: str) -> str:
    return instrument.removesuffix("USDT").partition("-")[0].partition("USD_")[0]


def alike(one: Any, other: Any, where: str = "") -> None:
    """Equal figures, sums of floating point to 1e-9, field by field."""
    if is_dataclass(one) and not isinstance(one, type):
        assert type(one) is type(other), where
        for field in fields(one):
            alike(getattr(one, field.name), getattr(other, field.name), f"{where}.{field.name}")
    elif isinstance(one, np.ndarray):
        assert one.shape == other.shape, where
        assert one == pytest.approx(other, rel=1e-9, abs=1e-9), where
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key, value in one.items():
            alike(value, other[key], f"{where}.{key}")
    elif isinstance(one, tuple | list):
        assert len(one) == len(other), where
        for k, (a, b) in enumerate(zip(one, other, strict=True)):
            alike(a, b, f"{where}[{k}]")
    elif isinstance(one, float):
        assert one == pytest.approx(other, rel=1e-9, nan_ok=True), where
    else:
        assert one == other, where
