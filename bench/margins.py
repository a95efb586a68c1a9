"""The margin engine: liquidation prices, whole margin states, accounts marked again."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bench import books, limits, peers, plain
from bench.clock import duration, medians, rate, table
from seawall._jit import in_chunks, workers
from seawall.margin import MarginBook, isolated_liquidation_prices, isolated_states

Floats = NDArray[np.float64]

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
PEER_ROWS = 20_000
HEAD = ("positions", "threads", "ours", "limit", "of the limit", "numpy", "ours / numpy")


def _threads() -> list[int]:
    return sorted({1, workers()})


def price(full: bool) -> None:
    """Isolated liquidation prices over ten brackets."""
    table(
        "Isolated liquidation price, 10 brackets (positions a second)",
        HEAD,
        [_price_row(n, t) for n in SIZES for t in _threads()],
        "The limit reads the same three columns and writes the same one.",
    )
    _check_prices()
    _peers()


def _price_row(n: int, threads: int) -> tuple[str, ...]:
    c, out = _columns(n), np.empty(n)
    three = c["size"], c["entry"], c["balance"]

    def limit(a: int, b: int) -> None:
        limits.three_to_one(*(x[a:b] for x in three), out[a:b])

    calls: dict[str, Callable[[], object]] = {
        "ours": lambda: isolated_liquidation_prices(
            *three, books.SCHEDULE, out=out, threads=threads
        ),
        "limit": lambda: in_chunks(n, limit, threads),
    }
    if threads == 1:
        calls["numpy"] = lambda: plain.liquidation_prices(*three, books.SCHEDULE)
    return _line(n, threads, medians(calls, 5 if n > 1e6 else 21))


@lru_cache(maxsize=1)
def _columns(n: int) -> dict[str, Floats]:
    return books.columns(n)


def _line(n: int, threads: int, spent: dict[str, float]) -> tuple[str, ...]:
    ours, limit, other = (spent.get(k, np.nan) for k in ("ours", "limit", "numpy"))
    return (
        f"{n:,}",
        str(threads),
        rate(n / ours),
        rate(n / limit),
        f"{limit / ours:.2f}",
        rate(n / other) if other == other else "",
        f"{other / ours:.0f}x" if other == other else "",
    )


def _check_prices() -> None:
    c = books.columns(200_000, seed=9)
    three = c["size"], c["entry"], c["balance"]
    ours = isolated_liquidation_prices(*three, books.SCHEDULE)
    np.testing.assert_allclose(ours, plain.liquidation_prices(*three, books.SCHEDULE), rtol=1e-12)


def _peers() -> None:
    n = PEER_ROWS
    c, out = books.columns(n), np.empty(n)
    calls: dict[str, Callable[[], object]] = {
        "seawall": lambda: isolated_liquidation_prices(
            c["size"], c["entry"], c["balance"], books.SCHEDULE, out=out, threads=1
        )
    }
    missing = []
    for name, made in (("freqtrade", peers.freqtrade(c)), ("nautilus_trader", peers.nautilus(c))):
        if made is None:
            missing.append(name)
        else:
            calls[name] = made
    spent = medians(calls, 5)
    what = {
        "seawall": "liquidation price, all brackets, one thread",
        "freqtrade": "liquidation price, bracket chosen by entry notional",
        "nautilus_trader": "initial and maintenance margin, one bracket, no liquidation price",
    }
    rows = [
        (k, what[k], duration(s / n), f"{s / spent['seawall']:,.0f}x") for k, s in spent.items()
    ]
    note = f"Not installed, left out: {', '.join(missing)}." if missing else ""
    if "freqtrade" in calls:
        theirs, ours = (np.asarray(calls[k]()) for k in ("freqtrade", "seawall"))
        apart = float(np.mean(np.abs(theirs / ours - 1) > 1e-4))
        note += f" {apart:.1%} of freqtrade's prices differ by more than 1 bp: it takes the bracket"
        note += " of the entry notional."
    table(f"Per position, {n:,} positions", ("", "what", "a position", "ours is"), rows, note)


def state(full: bool) -> None:
    """Equity, initial and maintenance margin and liquidation price of isolated positions."""
    table(
        "Whole margin state and liquidation price (positions a second)",
        HEAD,
        [_state_row(n, t) for n in SIZES for t in _threads()],
        "The limit reads the same five columns and writes the same four.",
    )


def _state_row(n: int, threads: int) -> tuple[str, ...]:
    c = _columns(n)
    five = [c[k] for k in ("size", "entry", "mark", "balance", "leverage")]
    out = isolated_states(*five, books.SCHEDULE)
    four = [out[0].equity, out[0].initial, out[0].maintenance, out[1]]

    def limit(a: int, b: int) -> None:
        limits.five_to_four(*(x[a:b] for x in (*five, *four)))

    calls: dict[str, Callable[[], object]] = {
        "ours": lambda: isolated_states(*five, books.SCHEDULE, out=out, threads=threads),
        "limit": lambda: in_chunks(n, limit, threads),
    }
    if threads == 1:
        calls["numpy"] = lambda: plain.state(c, books.SCHEDULE)
    return _line(n, threads, medians(calls, 5 if n > 1e6 else 21))


def remark(full: bool) -> None:
    """Cross accounts of three positions marked at new prices."""
    margin = books.crossed(1_000_000)
    factor = np.array([0.97, 0.96, 1.02, 0.9, 1.1, 1.0])
    table(
        "Cross accounts of 3 positions marked again (accounts a second)",
        ("accounts", *HEAD[1:]),
        [_remark_row(margin, factor, t) for t in _threads()],
        "The limit reads every column of the laid-out book once and writes the same two.",
    )
    for ours, theirs in zip(
        margin.remarking.at(factor), plain.remarked(margin, factor), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-6)


def _remark_row(margin: MarginBook, factor: Floats, threads: int) -> tuple[str, ...]:
    laid, m = margin.remarking, len(margin.book.accounts)
    out = np.empty(m), np.empty(m)

    def limit(a: int, b: int) -> None:
        limits.positions_and_accounts(
            laid.start[a : b + 1],
            laid.value,
            laid.code,
            laid.rest[a:b],
            laid.excess[a:b],
            out[0][a:b],
            out[1][a:b],
        )

    calls: dict[str, Callable[[], object]] = {
        "ours": lambda: laid.at(factor, threads, out),
        "limit": lambda: in_chunks(m, limit, threads),
    }
    if threads == 1:
        calls["numpy"] = lambda: plain.remarked(margin, factor)
    return _line(m, threads, medians(calls, 9))
