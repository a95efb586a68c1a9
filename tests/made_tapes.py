"""Tapes drawn at random for the tests of the store."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from seawall.core.tape import Coverage, Kind, Tape

DAY = 86_400_000_000_000
START = 20_000 * DAY
VENUES = ("binance_usdm", "bybit", "okx", "hyperliquid")
ASSETS = ("BTC", "ETH", "SOL", "DOGE", "Ångström's")


def made_tape(
    n: int, seed: int = 0, start: int = START, span: int = DAY, first_id: int = 1
) -> Tape:
    """Events at random over a span, identifiers counted from ``first_id``."""
    rng = np.random.default_rng(seed)
    time = np.sort(start + rng.integers(0, span, n))
    price = rng.lognormal(8.0, 0.2, n)
    quantity = rng.lognormal(-2.0, 2.0, n)
    asset = rng.integers(0, len(ASSETS), n).astype(np.int32)
    ids = np.arange(first_id, first_id + n, dtype=np.uint64)
    return Tape(
        time=time,
        received=time + rng.integers(0, 10**9, n),
        venue=rng.integers(0, len(VENUES), n).astype(np.int32),
        instrument=asset.copy(),
        asset=asset,
        side=rng.choice(np.array([1, -1], dtype=np.int8), n),
        quantity=quantity,
        price=price,
        notional=quantity * price,
        kind=rng.choice([Kind.LIQUIDATION, Kind.LIQUIDATION, Kind.ADL], n).astype(np.int8),
        coverage=rng.choice(list(Coverage), n).astype(np.int8),
        at_fill=rng.random(n) < 0.5,
        account=rng.integers(0, 50, n).astype(np.uint64) << np.uint64(58),
        # spread over all 64 bits, so that those above 2**63 occur
        event_id=ids * np.uint64(0x9E3779B97F4A7C15),
        source=np.zeros(n, dtype=np.int32),
        venues=VENUES,
        instruments=tuple(f"{a}-USDT" for a in ASSETS),
        assets=ASSETS,
        sources=("made",),
    )


def unfilled(n: int, seed: int = 0, span: int = DAY) -> Tape:
    """Events of OKX alone, which tells no price at which anything was filled."""
    tape = made_tape(n, seed, span=span)
    return replace(
        tape,
        venue=np.full(n, VENUES.index("okx"), dtype=np.int32),
        at_fill=np.zeros(n, dtype=bool),
        kind=np.full(n, Kind.LIQUIDATION, dtype=np.int8),
    )


def rows_of(tape: Tape) -> list[tuple[object, ...]]:
    """Each event with its names spelt out, in order of identifier."""
    order = np.argsort(tape.event_id, kind="stable")
    return [
        (
            int(tape.event_id[k]),
            int(tape.time[k]),
            int(tape.received[k]),
            tape.venues[tape.venue[k]],
            tape.instruments[tape.instrument[k]],
            tape.assets[tape.asset[k]],
            tape.sources[tape.source[k]],
            int(tape.side[k]),
            float(tape.quantity[k]),
            float(tape.price[k]),
            float(tape.notional[k]),
            int(tape.kind[k]),
            int(tape.coverage[k]),
            bool(tape.at_fill[k]),
            int(tape.account[k]),
        )
        for k in order
    ]
