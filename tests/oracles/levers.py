"""Levers driven over a path of prices without an engine, and plain-Python breakers to compare."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from seawall._jit import kernel
from seawall.core import Accounts, Book, Instrument, Positions
from seawall.core import _columns as c
from seawall.core.hooks import Floor, Hook, Market, Traders
from seawall.rulebook.levers._publish_kernel import publish

SEEN = (c.SESSION, c.UNTIL, c.BAND_LOW, c.BAND_HIGH, c.ALLOWANCE, c.MARK, c.DISCLOSED)


def floor_of(
    venues=("okx", "bybit"), assets=("BTC", "ETH"), step=1.0, steps=1000, spot=True
) -> Floor:
    """One perpetual a venue and asset, then the spot markets."""
    markets = [
        Market(v, Instrument(v, f"{a}USDT", a), 100.0, 1e6, 1e9) for v in venues for a in assets
    ]
    if spot:
        markets += [Market("spot", Instrument("spot", a, a), 100.0, 1e6, 1e9) for a in assets]
    return Floor(tuple(markets), tuple(venues), tuple(assets), step, steps)


def table_of(floor: Floor, price: float = 100.0) -> np.ndarray:
    """Market columns at rest."""
    markets = np.zeros((len(floor), c.MARKET_COLUMNS))
    for i, m in enumerate(floor.markets):
        markets[i, c.VENUE] = -1 if m.spot else floor.venues.index(m.venue)
        markets[i, c.ASSET] = floor.assets.index(m.asset)
        markets[i, c.SPOT] = m.spot
    for column in (c.MID, c.BID, c.ASK, c.LAST, c.INDEX, c.MARK, c.MARK_BEFORE):
        markets[:, column] = price
    markets[:, c.BAND_HIGH] = markets[:, c.ALLOWANCE] = np.inf
    markets[:, c.STANDING_BID] = markets[:, c.STANDING_ASK] = 1e6
    return markets


@kernel
def _drive(hook_a, hook_b, own_a, own_b, p_a, p_b, path, column, down, dt, markets, seen, columns):
    orders = np.zeros((markets.shape[0], c.ORDER_COLUMNS))
    clock = np.zeros(c.CLOCK_COLUMNS)
    for t in range(path.shape[0]):
        clock[c.STEP], clock[c.SECONDS], clock[c.DT] = t, t * dt, dt
        clock[c.STEPS] = path.shape[0]
        for i in range(markets.shape[0]):
            if down[t] > 0.0:
                markets[i, c.SESSION] = c.DOWN
            elif t > 0 and down[t - 1] > 0.0:
                markets[i, c.SESSION] = c.OPEN
            markets[i, c.BAND_LOW] = 0.0
            markets[i, c.BAND_HIGH] = np.inf
            markets[i, c.ALLOWANCE] = np.inf
            for k in range(column.shape[0]):
                markets[i, column[k]] = path[t, i, k]
        hook_a(markets, own_a, p_a, clock, np.uint64(7), orders)
        hook_b(markets, own_b, p_b, clock, np.uint64(8), orders)
        for i in range(markets.shape[0]):
            for k in range(columns.shape[0]):
                seen[t, i, k] = markets[i, columns[k]]


def drive(
    hooks: Hook | tuple[Hook, Hook],
    floor: Floor,
    prices: np.ndarray | None = None,
    columns: tuple[int, ...] = (c.MID, c.BID, c.ASK, c.LAST, c.INDEX, c.MARK),
    path: np.ndarray | None = None,
    down: np.ndarray | None = None,
) -> dict[int, np.ndarray]:
    """Call one hook or two every step on given prices; what each of ``SEEN`` then was, (T, M).

    ``prices`` has shape (T,) or (T, M) and fills all of ``columns``; ``path`` of shape
    (T, M, columns) gives each by itself. All venues are out while ``down``, shape (T,), is set.
    """
    if path is None:
        assert prices is not None
        grid = prices if prices.ndim == 2 else np.tile(prices[:, None], (1, len(floor)))
        path = np.repeat(grid[:, :, None], len(columns), axis=2)
    idle = Hook(publish, np.zeros(len(floor)))
    first, second = (hooks, idle) if isinstance(hooks, Hook) else hooks
    markets = table_of(floor)
    seen = np.zeros((path.shape[0], len(floor), len(SEEN)))
    _drive(
        first.kernel,
        second.kernel,
        first.memory.copy(),
        second.memory.copy(),
        first.parameters,
        second.parameters,
        np.ascontiguousarray(path, dtype=np.float64),
        np.array(columns, dtype=np.int64),
        np.zeros(path.shape[0]) if down is None else down,
        floor.step,
        markets,
        seen,
        np.array(SEEN, dtype=np.int64),
    )
    return {column: seen[:, :, k] for k, column in enumerate(SEEN)}


def halts_of(session: np.ndarray) -> list[tuple[int, int]]:
    """First and first-open-again step of each halt in a column of sessions."""
    shut = np.concatenate(([0], (session == c.HALTED).astype(int), [0]))
    edges = np.diff(shut)
    return list(zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True))


# --- the rules again, in plain Python, as their texts read ----------------------------------------


def luld(price, band=0.05, window=300, limit=15, pause=300, change=0.01, hold=30):
    """Halts by Limit Up-Limit Down, one price a second standing for bid, offer and trades."""
    halts, t, since = [], 0, None
    seen: list[float] = []
    reference, set_at = None, 0
    while t < len(price):
        if reference is None:
            reference, set_at = price[t], t
        else:
            pro_forma = sum(seen[-window:]) / len(seen[-window:])
            if abs(pro_forma / reference - 1) >= change and t - set_at >= hold:
                reference, set_at = pro_forma, t
        seen.append(price[t])
        if not reference * (1 - band) < price[t] < reference * (1 + band):
            since = t if since is None else since
            if t - since >= limit:
                halts.append((t, min(t + pause, len(price))))
                t, seen, reference, since = t + pause, [], None, None
                continue
        else:
            since = None
        t += 1
    return halts


def dynamic(price, share=0.035, window=3600, pause=120):
    """Halts by CME's dynamic circuit breaker; the first price stands for the settlement."""
    halts, t, begun = [], 0, 0
    variant = share * price[0]
    while t < len(price):
        look = price[max(begun, t - window) : t]
        if len(look) and (price[t] <= max(look) - variant or price[t] >= min(look) + variant):
            halts.append((t, min(t + pause, len(price))))
            t = begun = t + pause
            continue
        t += 1
    return halts


def market_wide(price, levels=((0.07, 900), (0.13, 900), (0.20, inf))):
    """Halts by the market-wide breakers of one session; the first price stands for the close."""
    halts, t, done = [], 0, 0
    while t < len(price) and done < len(levels):
        hit = [k for k, (fall, _) in enumerate(levels) if price[t] <= price[0] - fall * price[0]]
        if hit and hit[-1] >= done:
            done = hit[-1] + 1
            end = min(t + levels[hit[-1]][1], len(price))
            halts.append((t, int(end)))
            t = int(end)
            continue
        t += 1
    return halts


def joined(halts):
    """Halts with no open step between them, as one."""
    out: list[tuple[int, int]] = []
    for start, end in halts:
        if out and out[-1][1] == start:
            out[-1] = (out[-1][0], end)
        else:
            out.append((start, end))
    return out


# --- a population ---------------------------------------------------------------------------------


@dataclass
class Holding:
    """One isolated position of a trader, in words."""

    trader: int
    size: float
    equity: float
    venue: str = "okx"
    asset: str = "BTC"
    stop: float = np.nan
    account: int | None = None


def traders_of(holdings: list[Holding], mark: float = 100.0) -> Traders:
    """Traders with these positions at one mark; positions of one ``account`` share equity."""
    venues = tuple(sorted({h.venue for h in holdings}))
    pairs = sorted({(h.venue, h.asset) for h in holdings})
    labels = [h.account if h.account is not None else -1 - k for k, h in enumerate(holdings)]
    accounts = list(dict.fromkeys(labels))
    first = [holdings[labels.index(a)] for a in accounts]
    equity = np.array([h.equity for h in first])
    n = len(holdings)
    blank = np.full(n, np.nan)
    positions = Positions(
        row=np.arange(1, n + 1),
        account=np.array([accounts.index(a) for a in labels], dtype=np.int32),
        instrument=np.array([pairs.index((h.venue, h.asset)) for h in holdings], dtype=np.int32),
        size=np.array([h.size for h in holdings], dtype=np.float64),
        entry=np.full(n, mark),
        mark=np.full(n, mark),
        leverage=blank,
        stop=np.array([h.stop for h in holdings]),
        rate=blank,
        amount=blank,
        taker_fee=blank,
        reported_liquidation=blank,
        time=np.zeros(n, dtype=np.int64),
    )
    book = Book(
        positions=positions,
        accounts=Accounts(
            trader=np.array([h.trader for h in first], dtype=np.int32),
            venue=np.array([venues.index(h.venue) for h in first], dtype=np.int32),
            isolated=np.array([h.account is None for h in first]),
            balance=equity.copy(),
            settle=np.zeros(len(first), dtype=np.int32),
        ),
        instruments=tuple(Instrument(v, f"{a}USDT", a) for v, a in pairs),
        traders=[f"t{k}" for k in range(1 + max(h.trader for h in holdings))],
        venues=venues,
        currencies=("USD",),
    )
    return Traders.of(book, equity)
