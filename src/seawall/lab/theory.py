"""The simulator held against theory: four checks, and verdicts on their claims by stated rules.

See ``docs/methods/theory.md``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from seawall.lab.theory_firesale import PUBLISHED_IMPACT, PUBLISHED_SHOCK, Sale, fire_sale
from seawall.lab.theory_halts import LIFETIMES, TIMES, Halts, halts
from seawall.lab.theory_impact import (
    REGIMES,
    BookImpact,
    OrderImpact,
    book_impact,
    order_impact,
)
from seawall.lab.theory_leverage import LEVELS, LeverageTails, leverage_tails
from seawall.lab.verdicts import Standing

Say = Callable[[str], None]

HALF = (0.4, 0.6)
"""An exponent whose whole interval lies between these counts as a square root."""
ALIKE, APART = 0.05, 0.2
"""How far what a limit prevents may be from what a breaker prevents, as a share of it, to count as
alike; and from where on they differ. Between the two it cannot be told."""


@dataclass(frozen=True, slots=True)
class FireSales:
    """Runs beside the published ones.

    Attributes
    ----------
    by_impact
        Shock 20%, banks that sell everything below 4%, by price impact.
    by_shock
        Price impact 1%, by shock: that rule, and a return to 5%.
    """

    by_impact: tuple[Sale, ...]
    by_shock: tuple[tuple[Sale, Sale], ...]


@dataclass(frozen=True, slots=True)
class TheoryClaim:
    """A statement of theory, what it comes to here, and the numbers that decide."""

    claim: str
    standing: Standing
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class TheoryStudy:
    """What the study found.

    Attributes
    ----------
    leverage, halts, book, orders, fire_sales
        The checks; each holds its seeds.
    claims
        Verdicts.
    reduced
        Whether at reduced size: to see that it runs, not to read numbers off.
    """

    leverage: LeverageTails
    halts: Halts
    book: tuple[BookImpact, ...]
    orders: tuple[OrderImpact, ...]
    fire_sales: FireSales
    claims: tuple[TheoryClaim, ...]
    reduced: bool


def run(reduced: bool = False, progress: Say | None = None) -> TheoryStudy:
    """Run all checks, in this process.

    Parameters
    ----------
    reduced
        Few seeds and levels.
    progress
        Told what is being done.
    """
    say = progress or _silent
    seeds, many = (4, 4) if reduced else (40, 20)
    tails = leverage_tails(seeds, (0.0, 5.0, 20.0) if reduced else LEVELS, say)
    halted = halts(
        many, LIFETIMES[::5] if reduced else LIFETIMES, TIMES[2:3] if reduced else TIMES, say
    )
    book = []
    for regime in REGIMES[:4] if reduced else REGIMES:
        say(f"impact: {regime.name}")
        book.append(book_impact(regime, many))
    say("impact, order by order")
    orders = order_impact(20, (20, 60, 180, 540)) if reduced else order_impact(200)
    say("fire sales")
    sales = fire_sales()
    claims = (
        *_of_leverage(tails),
        *_of_halts(halted),
        *_of_impact(tuple(book), orders),
        *_of_sales(sales),
    )
    return TheoryStudy(tails, halted, tuple(book), orders, sales, claims, reduced)


def fire_sales() -> FireSales:
    """Every row of the published table."""
    return FireSales(
        by_impact=tuple(fire_sale(0.2, impact) for impact in PUBLISHED_IMPACT),
        by_shock=tuple(
            (fire_sale(shock, 0.01), fire_sale(shock, 0.01, targeting=True))
            for shock in PUBLISHED_SHOCK
        ),
    )


def _silent(_: str) -> None:
    return None


def _standing(supported: bool, contradicted: bool) -> Standing:
    if supported:
        return Standing.SUPPORTED
    return Standing.CONTRADICTED if contradicted else Standing.CANNOT_TELL


def _of_leverage(found: LeverageTails) -> list[TheoryClaim]:
    top = found.rows[-1].leverage
    ratio, tail, cluster = found.kurtosis_ratio, found.tail_change, found.clustering_change
    base = found.rows[0].kurtosis
    return [
        TheoryClaim(
            "without leverage returns are near normal",
            _standing(base.high < 4.0, base.low > 4.0),
            f"kurtosis {base.value:.2f} ({base.low:.2f} to {base.high:.2f}); supported if all of "
            "it lies below 4",
        ),
        TheoryClaim(
            "kurtosis grows with leverage",
            _standing(ratio.low > 1.0, ratio.high < 1.0),
            f"at {top:g}x {ratio.value:.1f} times that of none ({ratio.low:.1f} to "
            f"{ratio.high:.1f}); rising at every step in {found.rising[0]:.0%} of the draws",
        ),
        TheoryClaim(
            "the tail exponent falls with leverage",
            _standing(tail.high < 0.0, tail.low > 0.0),
            f"at {top:g}x {tail.value:+.2f} against none ({tail.low:+.2f} to {tail.high:+.2f}); "
            f"falling at every step in {found.rising[1]:.0%} of the draws",
        ),
        TheoryClaim(
            "large moves cluster more with leverage",
            _standing(cluster.low > 0.0, cluster.high < 0.0),
            f"autocorrelation of |r| at {top:g}x {cluster.value:+.3f} against none "
            f"({cluster.low:+.3f} to {cluster.high:+.3f})",
        ),
    ]


def _of_halts(found: Halts) -> list[TheoryClaim]:
    first, last = found.by_lifetime[0], found.by_lifetime[-1]
    prevented = first.free.value - first.breaker.value
    low, high = (1.0 - x / prevented for x in (first.deeper.high, first.deeper.low))
    return [
        TheoryClaim(
            "at equal parameters a price limit does as well as a breaker, if orders lapse first",
            _standing(
                low >= 1.0 - ALIKE and high <= 1.0 + ALIKE, high < 1.0 - APART or low > 1.0 + APART
            ),
            f"orders of {first.lifetime:g} s: falls of {first.limit.value:.2%} and "
            f"{first.breaker.value:.2%}, of {first.free.value:.2%} without either; the limit "
            f"prevents {low:.0%} to {high:.0%} of what the breaker prevents; alike within "
            f"{ALIKE:.0%}, different beyond {APART:.0%}",
        ),
        TheoryClaim(
            "a price limit is worse than a breaker the longer orders wait against its duration",
            _standing(found.growth.low > 0.0, found.growth.high < 0.0),
            f"{first.deeper.value:+.2%} deeper at {first.lifetime:g} s, {last.deeper.value:+.2%} "
            f"at {last.lifetime:g} s; growth {found.growth.value:+.2%} ({found.growth.low:+.2%} "
            f"to {found.growth.high:+.2%})",
        ),
    ]


def _of_impact(book: tuple[BookImpact, ...], orders: tuple[OrderImpact, ...]) -> list[TheoryClaim]:
    # a power law has one exponent: what bends from 1 to 0 on the way is none
    half = [
        b
        for b in book
        if all(HALF[0] < x.low and x.high < HALF[1] for x in (b.exponent, b.small, b.large))
    ]
    given = [b.regime.name for b in half if b.regime.depth.shape != 1.0]
    own = [b.regime.name for b in half if b.regime.depth.shape == 1.0]
    lasting = orders[-1].measured
    return [
        TheoryClaim(
            "the square root emerges from the engine's book with even depth",
            _standing(bool(own), not own),
            f"regimes with an exponent of a half in both halves: {'; '.join(own) or 'none'} (with "
            f"depth that grows with distance, which puts it in: {'; '.join(given) or 'none'})",
        ),
        TheoryClaim(
            "the square root emerges order by order, where orders outlive the metaorder",
            _standing(
                HALF[0] < lasting.low and lasting.high < HALF[1],
                lasting.high < HALF[0] or lasting.low > HALF[1],
            ),
            f"exponent {lasting.exponent:.3f} ({lasting.low:.3f} to {lasting.high:.3f})",
        ),
    ]


def _of_sales(found: FireSales) -> list[TheoryClaim]:
    failed = [s.failed for s in found.by_impact]
    rising = all(a <= b for a, b in pairwise(failed))
    (small, small_target), (large, large_target) = found.by_shock[0], found.by_shock[-1]
    apart = small_target.sold - small.sold
    closer = apart > large_target.sold - large.sold
    return [
        TheoryClaim(
            "failures grow with price impact",
            _standing(rising, not rising),
            f"share failed {failed[0]:.3f} without impact, {failed[-1]:.3f} at the largest",
        ),
        TheoryClaim(
            "after small shocks banks that sell at a threshold sell less than those with a target",
            _standing(apart > 0.0 and closer, apart <= 0.0),
            f"sold {small.sold:.1%} and {small_target.sold:.1%} after {small.shock:.1%}; "
            f"{large.sold:.1%} and {large_target.sold:.1%} after {large.shock:.0%}",
        ),
    ]
