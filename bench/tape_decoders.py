"""Decoding of the messages of forced orders, beside cryptofeed."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from bench.clock import rate, table
from bench.tape_wire import messages
from seawall.ingest.wire.venues import ADAPTERS
from seawall.rulebook import Rules

_ROUNDS = 5
_NOT_SAME = {
    "bybit": "reads the channel `liquidation`, which Bybit has replaced",
    "okx": "asks over REST once a minute",
    "gate, htx, hyperliquid": "no liquidations",
}


def decoders(full: bool = False) -> None:
    """The same messages of forced orders decoded by ours and by cryptofeed."""
    count = 200_000 if full else 20_000
    begin = b'{"stream":"!forceOrder@arr","data":'
    told = {
        "binance_usdm": [begin + m + b"}" for m in messages("binance_usdm", count)],
        "deribit": messages("deribit", count),
    }
    rows = [(venue, *_compared(venue, frames, count)) for venue, frames in told.items()]
    rows += [(venue, "", why, "") for venue, why in _NOT_SAME.items()]
    table(
        f"{count:,} forced orders decoded, one core",
        ("feed", "ours", "cryptofeed", "ours is"),
        rows,
        "From the text of a message to an event with side, quantity and price, theirs handed to a "
        f"callback as a `Liquidation`. The best of {_ROUNDS} rounds each.",
    )


def _compared(venue: str, frames: list[bytes], count: int) -> tuple[str, str, str]:
    try:
        theirs = _Theirs(venue)
    except ImportError:
        theirs = None
    ours, other = 0.0, 0.0
    for _ in range(_ROUNDS):
        # in turn, so that a busy spell hits both alike
        ours = max(ours, count / _ours(venue, frames, count))
        if theirs is not None:
            other = max(other, count / theirs.seconds(frames, count))
    if not other:
        return rate(ours), "not installed", ""
    return rate(ours), rate(other), f"{ours / other:.1f}x"


def _ours(venue: str, frames: list[bytes], count: int) -> float:
    adapter = ADAPTERS[venue]
    context = adapter.context(Rules.bundled())
    events: list[Any] = []
    begun = time.perf_counter()
    for frame in frames:
        context.begin(time.time_ns())
        events += adapter.parse(frame, context)
    spent = time.perf_counter() - begun
    assert len(events) == count
    return spent


class _Theirs:
    """Its feed of a venue with the list of symbols given, so that nothing is asked for."""

    def __init__(self, venue: str) -> None:
        from cryptofeed.defines import LIQUIDATIONS
        from cryptofeed.exchanges import BinanceFutures, Deribit
        from cryptofeed.symbols import Symbols

        kind, own = {
            "binance_usdm": (BinanceFutures, "{}USDT"),
            "deribit": (Deribit, "{}_USDC-PERPETUAL"),
        }[venue]
        names = {f"{a}-USDT-PERP": own.format(a) for a in ("BTC", "ETH", "SOL")}
        if kind is Deribit:
            names |= {f"{a}-USD-PERP": f"{a}-PERPETUAL" for a in ("BTC", "ETH", "SOL")}
        Symbols.set(kind.id, names, {"instrument_type": dict.fromkeys(names, "perpetual")})
        self._got: list[Any] = []

        async def take(liquidation: Any, received: float) -> None:
            self._got.append(liquidation)

        self._feed = kind(
            symbols=list(names), channels=[LIQUIDATIONS], callbacks={LIQUIDATIONS: take}
        )

    def seconds(self, frames: list[bytes], count: int) -> float:
        self._got.clear()
        texts = [f.decode() for f in frames]

        async def go() -> float:
            begun = time.perf_counter()
            for text in texts:
                await self._feed.message_handler(text, None, time.time())
            return time.perf_counter() - begun

        spent = asyncio.run(go())
        assert len(self._got) == count
        return spent
