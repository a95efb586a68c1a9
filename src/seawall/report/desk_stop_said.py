"""What the report of a stop takes for granted, and what it warns of."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seawall.core import format_time
from seawall.desk.grades import grades
from seawall.desk.prices import PriceModel
from seawall.desk.stop import Placed
from seawall.desk.stop_odds import Stops
from seawall.report.desk_odds import chance, grade_warnings
from seawall.report.model import Assumption, Unit
from seawall.report.numbers import text
from seawall.report.subject import rule_assumptions, warnings_of

_SHORT = {3_600.0: "1h", 86_400.0: "1d", 604_800.0: "1w"}
_SURE = 1.645
"""Standard errors by which a stop has to raise a probability before it is said to."""


def tag(horizon: float) -> str:
    """Ending of a column's name: a horizon in short."""
    return _SHORT.get(horizon, f"{horizon:g}s")


def assumptions(
    stops: Stops, found: Placed, model: PriceModel, alone: bool
) -> tuple[Assumption, ...]:
    """What the figures take for granted."""
    usual = "" if found.trigger.usual else ", which has to be chosen with the order"
    rows = [
        Assumption(
            f"Prices from {format_time(model.time)} on: the model of the odds; the same "
            f"{found.paths:,} paths for every stop; the order fills {stops.delay:g} s after its "
            "trigger.",
            f"{model.source}; docs/methods/stop.md",
        ),
        Assumption(
            "After the fill, at its price with the slippage of a stressed book and "
            f"{text(stops.fee, Unit.FRACTION)} of taker fee, the account is walked on with its "
            "other positions and nobody's help.",
            "docs/methods/stop.md",
        ),
        Assumption(f"It fires by the {found.trigger.by} price{usual}.", found.trigger.source),
        Assumption(
            f"Impact exponent {stops.law.exponent:g}; a stressed book keeps "
            f"{text(stops.law.remaining, Unit.FRACTION)} of its depth.",
            stops.law.source,
        ),
    ]
    if alone:
        rows.append(Assumption("No clusters were looked at: --market or --tape names some."))
    return (*rows, *rule_assumptions(stops.resizing.margin))


def warnings(stops: Stops, found: Placed, model: PriceModel) -> tuple[str, ...]:
    """What the reader must know first."""
    lines = [*_raised(stops, found), *_other_price(found, model)]
    side = stops.resizing.side
    if math.isfinite(found.bound) and (found.price - found.bound) * side < 0.0:
        lines.append(
            f"This stop is nearer to the liquidation price than the "
            f"{text(found.needed.total, Unit.FRACTION)} that an order needs: in a fast market it "
            "comes too late."
        )
    if found.why == "inside the cluster" and found.cluster is not None:
        lines.append(
            f"The stop stands among {text(found.cluster.notional_usd, Unit.USD)} of liquidations, "
            "which would fill with it."
        )
    if not found.trigger.source:
        lines.append("How stops fire at this venue is not known: the last price is taken.")
    shown = (found.firing.fires[0], found.firing.total[0], found.unprotected)
    chances = np.concatenate(shown).tolist()
    coins = stops.resizing.base.book.assets
    bins = [grades().of(h, p, coins) for h, p in zip(3 * found.horizons, chances, strict=True)]
    lines += grade_warnings([b for b in dict.fromkeys(bins) if b is not None], coins)
    return (*lines, *warnings_of(stops.resizing.margin))


def raised(found: Placed) -> NDArray[np.bool_]:
    """Shape (h,): horizons within which the account is surely liquidated more often with it."""
    f = found.firing
    return np.asarray(f.total[0] - found.unprotected > _SURE * f.change_se[0])


def _raised(stops: Stops, found: Placed) -> tuple[str, ...]:
    """A line where the account is liquidated more often with the stop than without one."""
    f, without, more = found.firing, found.unprotected, raised(found)
    if not more.any():
        return ()
    k = int(np.flatnonzero(more)[-1])
    return (
        f"This stop makes a liquidation likelier: {chance(f.total[0, k], found.paths)} within "
        f"{tag(found.horizons[k])}, {chance(without[k], found.paths)} without it. In "
        f"{chance(f.after[0, k], found.paths)} it comes after the stop has filled: the position "
        "offsets others, which then stand alone. Cut them together, or add collateral; see "
        "`seawall rescue`.",
    )


def _other_price(found: Placed, model: PriceModel) -> tuple[str, ...]:
    """A line where the candles are, or may be, of another price than the one that fires the stop.

    What is not known is taken for the mark, which liquidates.
    """
    by, of = found.trigger.by, model.of_price
    if of == by or of == "fills" or (by == "mark" and not of):
        return ()
    if by == "mark":
        wicks = "the mark does not follow all their wicks, so that it fires less often"
        return (f"It fires by the mark price, and {model.source} holds the {of} price: {wicks}.",)
    wicks = (
        f"wicks of the {by} price that the mark does not follow are not among them, so that it "
        "fires more often"
    )
    if of:
        return (f"It fires by the {by} price, and {model.source} holds the {of} price: {wicks}.",)
    return (
        f"It fires by the {by} price, and {model.source} does not say which price it holds. If it "
        f"is the mark, {wicks}. Give candles of the {by} price, named so.",
    )
