"""Binance COIN-M: as USD-M, in contracts of USD."""

from __future__ import annotations

from collections.abc import Sequence

from seawall.ingest.rehearsal.closings import Closing
from seawall.ingest.rehearsal.speech import need
from seawall.ingest.rehearsal.speeches.binance_usdm import BinanceUsdm


class BinanceCoinm(BinanceUsdm):
    """Binance COIN-M: as USD-M, in contracts of USD."""

    venue = "binance_coinm"

    def path_ok(self, path: str) -> bool:
        """Where the venue's documentation puts the stream."""
        return path == "/ws"

    def symbol(self, c: Closing) -> tuple[str, float]:
        """Name and size of a closing as the venue counts them."""
        face = 100 if c.asset == "BTC" else 10
        return c.asset + "USD_PERP", c.quantity * c.price / face

    def rest(self, path: str, query: dict[str, str], body: str, past: Sequence[Closing]) -> object:
        """Sizes of the contracts."""
        need(path == "/dapi/v1/exchangeInfo", "no such path")
        return {
            "symbols": [
                {"symbol": "BTCUSD_PERP", "contractSize": 100},
                {"symbol": "ETHUSD_PERP", "contractSize": 10},
                {"symbol": "SOLUSD_PERP", "contractSize": 10},
            ]
        }
