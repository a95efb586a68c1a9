"""Ways to run an account that the study of the advice compares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

HIGH, LOW = 10.0, 2.0
STOP, STABLE = 0.05, 0.10
PIECES = ("sizing", "diversified", "stablecoins", "stops", "low leverage")
TITLES = {
    "sizing": "Dynamic position sizing",
    "diversified": "Diversification",
    "stablecoins": "10% in stablecoins",
    "stops": "Stops 5% down",
    "low leverage": "2x instead of 10x",
}
_BRIEF = {"sizing": "dynamic size", "stablecoins": "10% stablecoins", "stops": "stops"}


@dataclass(frozen=True, slots=True)
class Strategy:
    """One way to run an account.

    Attributes
    ----------
    key, title, market
        Name, words, and ``perpetuals`` or ``spot``.
    method
        How the coins are weighted, of ``advice_market.METHODS``.
    leverage
        Of the coins: their notional is leverage x (1 - stable) x equity at the start of a week.
    stable
        Share of equity that is not levered.
    sizing
        Whether the size is cut as volatility rises.
    stop
        Fraction below the start of the week at which a coin is sold; 0 is no stop.
    pieces
        Of the advice, where it is one of the combinations; None elsewhere.
    """

    key: str
    title: str
    market: str
    method: str = "bitcoin"
    leverage: float = HIGH
    stable: float = 0.0
    sizing: bool = False
    stop: float = 0.0
    pieces: frozenset[str] | None = None


def combinations() -> Iterator[frozenset[str]]:
    """Every set of pieces, from none to all."""
    for held in product((False, True), repeat=len(PIECES)):
        yield frozenset(p for p, h in zip(PIECES, held, strict=True) if h)


def levered() -> list[Strategy]:
    """On perpetuals: every combination of the pieces, from 10x BTC to all of them."""
    out = [_piecewise(pieces) for pieces in combinations()]
    more = [
        Strategy("equal 10x", "Equal weight, 10x", "perpetuals", "equal"),
        Strategy("equal 2x", "Equal weight, 2x", "perpetuals", "equal", LOW),
        Strategy("btc 1x", "BTC, 1x", "perpetuals", leverage=1.0),
        Strategy("btc 3x", "BTC, 3x", "perpetuals", leverage=3.0),
    ]
    together = _piecewise(frozenset(PIECES))
    for lever in (1.0, 3.0):
        key = f"all {lever:g}x"
        title = f"All of it, {lever:g}x"
        more.append(replace(together, key=key, title=title, leverage=lever, pieces=None))
    return out + more


def _piecewise(pieces: frozenset[str]) -> Strategy:
    lever = f"{LOW if 'low leverage' in pieces else HIGH:g}x"
    basket = "diversified" if "diversified" in pieces else "BTC"
    words = [_BRIEF[p] for p in PIECES if p in pieces and p in _BRIEF]
    title = ", ".join((f"{lever} {basket}", *words))
    if len(pieces) == len(PIECES):
        title = "All of it, 2x"
    elif len(pieces) == len(PIECES) - 1:
        title = "All but: " + next(TITLES[p] for p in PIECES if p not in pieces)
    return Strategy(
        key="+".join(p for p in PIECES if p in pieces) or "btc 10x",
        title=title,
        market="perpetuals",
        method="hrp" if "diversified" in pieces else "bitcoin",
        leverage=LOW if "low leverage" in pieces else HIGH,
        stable=STABLE if "stablecoins" in pieces else 0.0,
        sizing="sizing" in pieces,
        stop=STOP if "stops" in pieces else 0.0,
        pieces=pieces,
    )


def unlevered() -> list[Strategy]:
    """On spot, fully paid: BTC alone, each piece added to it, all of them."""
    bare = Strategy("spot btc", "BTC only", "spot", leverage=1.0)
    out = [bare]
    for method, title in (
        ("equal", "Equal weight, large and mid caps"),
        ("hrp", "Hierarchical risk parity"),
        ("parity", "Risk parity"),
        ("cvar", "Least CVaR"),
    ):
        out.append(replace(bare, key=f"spot {method}", title=title, method=method))
    out.append(replace(bare, key="spot sizing", title="BTC, dynamic size", sizing=True))
    for share in (0.05, 0.10, 0.15):
        key, title = f"spot stable {share:.0%}", f"BTC, {share:.0%} in stablecoins"
        out.append(replace(bare, key=key, title=title, stable=share))
    out.append(replace(bare, key="spot stops", title="BTC, stops 5% down", stop=STOP))
    whole = Strategy("spot all", "All of it", "spot", "hrp", 1.0, STABLE, True, STOP)
    return [*out, whole]
