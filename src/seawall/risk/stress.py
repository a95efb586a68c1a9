"""A stress test: one shock in full, with its band, its ladder and the shocks that break things."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall._jit import share_out
from seawall.liquidity import EMPIRICAL, SQUARE_ROOT, ImpactLaw
from seawall.risk.cascade import Cascade, StaticCascade
from seawall.risk.sweep import (
    LADDER,
    ReverseStress,
    Sweep,
    banded,
    smallest_shock,
    sweep,
)
from seawall.risk.waterfall import Settlement, funds_of

Floats = NDArray[np.float64]
Laws = dict[str, tuple[ImpactLaw, Sweep]]

DRAWS = 64
"""Draws behind a band unless asked otherwise; stratified, so that few have the quantiles."""

LADDER_DRAWS = 20
"""Draws behind each rung of the ladder."""


@dataclass(frozen=True, slots=True, eq=False)
class Along:
    """What lies along a direction of shocks, whatever the size of the one asked for.

    Attributes
    ----------
    direction, steps, ladder, ladder_draws, reverse
        As in :class:`StressTest`.
    """

    direction: Mapping[str, float]
    steps: Floats
    ladder: Sweep
    ladder_draws: Sweep | None
    reverse: tuple[ReverseStress, ...]


@dataclass(frozen=True, slots=True, eq=False)
class StressTest:
    """What a shock does to a book.

    Attributes
    ----------
    prepared
        The book, its depth and the impact law.
    change
        Relative change by asset that was asked for.
    cascade
        The cascade under the central parameters.
    draws
        The same shock under draws of the law; None if nothing in it is uncertain.
    steps
        Shape (L,): the ladder, as multiples of ``direction``.
    direction
        Change by asset per unit of the ladder: the shock over its largest component.
    ladder, ladder_draws
        The ladder's cascades; with draws, L rows times the number of draws, step by step.
    laws
        The same shock under other impact laws, by name.
    reverse
        Smallest shocks that reach the goals asked for.
    """

    prepared: StaticCascade
    change: Mapping[str, float]
    cascade: Cascade
    draws: Sweep | None
    steps: Floats
    direction: Mapping[str, float]
    ladder: Sweep
    ladder_draws: Sweep | None
    laws: Mapping[str, tuple[ImpactLaw, Sweep]]
    reverse: tuple[ReverseStress, ...]


def stress_test(
    prepared: StaticCascade,
    change: Mapping[str, float],
    *,
    fund: float | Mapping[str, float] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
    ladder: tuple[float, ...] = LADDER,
    liquidates_usd: float | None = None,
    empties_fund: bool = True,
    beside: Along | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> StressTest:
    """Run a stress test.

    Parameters
    ----------
    change
        Relative price change by asset, -0.1 for -10%; ``ALL`` for assets not named.
    fund
        As in :func:`~seawall.risk.waterfall.settle`.
    draws
        Draws of an uncertain impact law behind the 5-95% bands; 0 for none.
    seed
        Of those draws.
    ladder
        Sizes of the shocks of the ladder, < 0; taken along the direction of ``change``, so up
        for a shock upwards.
    liquidates_usd
        If given, also find the smallest shock that liquidates this notional.
    empties_fund
        Also find the smallest shock after which a fund is empty.
    beside
        What :func:`along` found for this direction with the same arguments, if it is known.
    progress
        Called with what is being done.
    """
    progress("cascade")
    cascade, laws = _cascade_and_laws(prepared, change, fund)
    progress("uncertainty of the impact law")
    drawn = banded(prepared, change, draws=draws, seed=seed)
    if beside is None:
        beside = along(
            prepared,
            change,
            fund=fund,
            draws=draws,
            seed=seed,
            ladder=ladder,
            liquidates_usd=liquidates_usd,
            empties_fund=empties_fund,
            progress=progress,
        )
    return StressTest(
        prepared=prepared,
        change=dict(change),
        cascade=cascade,
        draws=drawn,
        steps=beside.steps,
        direction=beside.direction,
        ladder=beside.ladder,
        ladder_draws=beside.ladder_draws,
        laws=laws,
        reverse=beside.reverse,
    )


def _cascade_and_laws(
    prepared: StaticCascade, change: Mapping[str, float], fund: float | Mapping[str, float] | None
) -> tuple[Cascade, Laws]:
    """The cascade with its waterfall, and the other laws on a second thread."""
    settled: list[tuple[Cascade, Settlement]] = []
    laws: Laws = {}

    def part(begin: int, end: int) -> None:
        if begin == 0:
            cascade = prepared.run(change, fund)
            settled.append((cascade, cascade.settlement))
        if end == 2:
            laws.update(_other_laws(prepared, change))

    share_out(2, part)
    return settled[0][0], laws


def along(
    prepared: StaticCascade,
    change: Mapping[str, float],
    *,
    fund: float | Mapping[str, float] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
    ladder: tuple[float, ...] = LADDER,
    liquidates_usd: float | None = None,
    empties_fund: bool = True,
    reverse: tuple[ReverseStress, ...] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Along:
    """The ladder and the smallest harmful shocks along the direction of a change.

    Parameters are those of :func:`stress_test`; ``reverse`` is what :func:`reverse_along` found,
    if it is known. Changes of one :func:`direction_of` have one answer, so that it need not be
    found again for each of them.
    """
    direction, sign = direction_of(change)
    steps = np.array([sign * abs(s) for s in ladder])
    shocks = _along(prepared, direction, steps)
    progress("ladder of shocks")
    rungs = sweep(prepared, shocks)
    rung_draws = _draw_rungs(prepared, shocks, min(draws, LADDER_DRAWS), seed)
    if reverse is None:
        reverse = reverse_along(
            prepared,
            change,
            fund=fund,
            liquidates_usd=liquidates_usd,
            empties_fund=empties_fund,
            progress=progress,
        )
    return Along(direction, steps, rungs, rung_draws, reverse)


def reverse_along(
    prepared: StaticCascade,
    change: Mapping[str, float],
    *,
    fund: float | Mapping[str, float] | None = None,
    liquidates_usd: float | None = None,
    empties_fund: bool = True,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[ReverseStress, ...]:
    """The smallest shocks along the direction of a change that do a given harm.

    Parameters are those of :func:`stress_test`.
    """
    direction, sign = direction_of(change)
    found = []
    if liquidates_usd is not None:
        progress("smallest shock that liquidates the notional asked for")
        goal = liquidates_usd

        def forces(c: Cascade) -> bool:
            return c.forced_usd >= goal

        found.append(smallest_shock(prepared, direction, "liquidates_usd", forces, sign, fund))
    funds, pooled = funds_of(prepared.ledger.margin.terms, fund)
    if empties_fund and any(f > 0 for f in funds):
        progress("smallest shock that empties a fund")

        def empties(c: Cascade) -> bool:
            deficits = c.deficits()
            # a fund pays deficits only: where they are less, nobody's payments need be settled
            have = np.array(funds)
            short = (deficits >= have) & (have > 0)
            enough = deficits.sum() >= funds[0] if pooled else short.any()
            return bool(enough) and any(
                v.fund_before > 0 >= v.fund_after for v in c.settlement.venues
            )

        # each step is a whole cascade, so the grid is coarser
        found.append(
            smallest_shock(prepared, direction, "empties_fund", empties, sign, fund, grid=25)
        )
    return tuple(found)


def _other_laws(prepared: StaticCascade, change: Mapping[str, float]) -> Laws:
    """What the answer owes to the law: no impact, square root and empirical, calm and thinned."""
    laws = {
        "no impact of forced orders": (SQUARE_ROOT, np.inf),
        "square root, calm book": (SQUARE_ROOT, 1.0),
        "square root, thinned book": (SQUARE_ROOT, SQUARE_ROOT.remaining),
        "empirical, calm book": (EMPIRICAL, 1.0),
        "empirical, thinned book": (EMPIRICAL, EMPIRICAL.remaining),
    }
    found = sweep(
        prepared,
        np.tile(prepared.factors(change), (len(laws), 1)),
        exponents=np.array([law.exponent for law, _ in laws.values()]),
        remaining=np.array([left for _, left in laws.values()]),
        threads=1,  # a thread of the pool must not wait for another
    )
    return {name: (law, found.row(k)) for k, (name, (law, _)) in enumerate(laws.items())}


def direction_of(change: Mapping[str, float]) -> tuple[dict[str, float], float]:
    """Change over its largest component, and that component's sign; down if nothing changes."""
    most = max(change.values(), key=abs, default=0.0)
    if most == 0.0:
        return dict.fromkeys(change, 1.0) or {"ALL": 1.0}, -1.0
    return {a: v / most for a, v in change.items()}, float(np.sign(most))


def _along(prepared: StaticCascade, direction: Mapping[str, float], steps: Floats) -> Floats:
    """Price factors of each step, no price below 1% of what it was."""
    return np.stack(
        [
            prepared.factors({a: max(s * w, -0.99) for a, w in direction.items()})
            for s in steps.tolist()
        ]
    )


def _draw_rungs(prepared: StaticCascade, shocks: Floats, draws: int, seed: int) -> Sweep | None:
    law: ImpactLaw = prepared.law
    if not law.uncertain or draws <= 0:
        return None
    exponents, remaining = law.draws(draws, seed)
    rungs = len(shocks)
    return sweep(
        prepared,
        np.repeat(shocks, draws, axis=0),
        exponents=np.tile(exponents, rungs),
        remaining=np.tile(remaining, rungs),
    )
