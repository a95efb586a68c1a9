"""Binance COIN-M: as USD-M, counted in contracts of 100 USD (BTC) or 10 USD."""

from __future__ import annotations

import msgspec

from seawall.ingest.wire.adapter import COIN_QUIET, Listing, Raw, Request
from seawall.ingest.wire.context import Tally
from seawall.ingest.wire.rows import decoded
from seawall.ingest.wire.venues.binance_usdm import BinanceUsdm


class _Symbol(msgspec.Struct, gc=False, rename="camel"):
    symbol: str
    contract_size: float = 1.0


class _Symbols(msgspec.Struct, gc=False):
    symbols: list[_Symbol]


_symbols = msgspec.json.Decoder(_Symbols, strict=False)


class BinanceCoinm(BinanceUsdm):
    """Forced orders of all symbols of COIN-M futures."""

    venue = "binance_coinm"
    url = "wss://dstream.binance.com/ws"
    quiet = COIN_QUIET
    sized = True

    def listing(self) -> list[Request]:
        """Sizes of all contracts."""
        return [Request("https://dapi.binance.com/dapi/v1/exchangeInfo")]

    def _listing(self, raw: Raw, request: Request) -> Listing:
        unread = Tally()
        found = decoded(_symbols, raw, ("symbols",), {"": _Symbol}, unread).symbols
        return Listing(tuple((s.symbol, s.contract_size) for s in found), unread=unread.malformed)
