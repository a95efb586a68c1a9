"""The adapters, by the name of their rulebook."""

from __future__ import annotations

from collections.abc import Sequence

from seawall.core import InputError, Mistake
from seawall.ingest.wire.adapter import Adapter
from seawall.ingest.wire.binance import BinanceCoinm, BinanceUsdm
from seawall.ingest.wire.bybit import Bybit
from seawall.ingest.wire.deribit import Deribit
from seawall.ingest.wire.gate import Gate
from seawall.ingest.wire.htx import Htx
from seawall.ingest.wire.hyperliquid import Hyperliquid
from seawall.ingest.wire.okx import Okx
from seawall.rulebook import Rules

ADAPTERS: dict[str, Adapter] = {
    a.venue: a
    for a in (
        BinanceUsdm(),
        BinanceCoinm(),
        Bybit(),
        Okx(),
        Hyperliquid(),
        Deribit(),
        Gate(),
        Htx(),
    )
}
_SEVERAL = {"binance": ("binance_usdm", "binance_coinm")}
"""Names that stand for several rulebooks; elsewhere an alias means one."""


def names_of(venue: str, rules: Rules) -> tuple[str, ...]:
    """Rulebooks with a live feed that a venue's name or alias stands for.

    Raises
    ------
    InputError
        If the venue is unknown or publishes no liquidations live.
    """
    plain = venue.strip().casefold()
    if plain in _SEVERAL:
        return _SEVERAL[plain]
    name = rules.canonical_venue(venue)
    if name not in ADAPTERS:
        raise InputError(
            Mistake(
                "has no live feed of liquidations",
                column="venues",
                value=venue,
                allowed=", ".join((*_SEVERAL, *ADAPTERS)),
            )
        )
    return (name,)


def adapters_of(venues: Sequence[str], rules: Rules) -> list[Adapter]:
    """Adapters of the venues named, each once, in the order given; all if none is named."""
    names = [n for v in venues for n in names_of(v, rules)] or list(ADAPTERS)
    return [ADAPTERS[n] for n in dict.fromkeys(names)]
