"""A simulated run as a tape, so that it is measured by the same code as the record."""

from __future__ import annotations

import numpy as np

from seawall.core import _columns as c
from seawall.lab.tape import EventCodes, Events, Tape
from seawall.sim.run import Run

CODES = EventCodes(
    liquidated=(c.LIQUIDATION, c.PARTIAL, c.TAKEOVER),
    deleveraged=(c.ADL,),
    shortfall=(c.FUND_DRAW,),
    fund_draw=(c.FUND_DRAW,),
)
"""A deficit that an account leaves is what its venue's fund draws: one event of the engine."""


def tape_of(run: Run) -> Tape:
    """The tape of a run: mids, events, open interest, the thinner side's depth, volume."""
    events, series = run.events, run.series
    on_market = events.market >= 0

    def times(second: np.ndarray) -> np.ndarray:
        return np.asarray(run.start + np.round(second * 1e9).astype(np.int64))

    return Tape(
        markets=tuple((m.venue, m.asset) for m in run.floor.markets),
        time=times(run.second),
        price=series["mid"],
        events=Events(
            time=times(events.second[on_market]),
            market=events.market[on_market],
            kind=events.kind[on_market],
            usd=events.usd[on_market],
            side=np.sign(events.quantity[on_market]).astype(np.int64),
            account=events.account[on_market],
        ),
        open_interest=series["open_interest"] * series["mark"],
        depth=np.minimum(series["standing_bid"], series["standing_ask"]),
        volume=series["traded"],
        funds={v: run.fund[:, k] for k, v in enumerate(run.floor.venues)},
    )
