"""The static cascade: general rules, per-account outcomes, sums only, ladders, one shock."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench import books, peers, plain
from bench.clock import duration, medians, once, rate, table
from seawall._jit import workers
from seawall.liquidity import ImpactLaw
from seawall.margin import MarginBook
from seawall.risk import LADDER, StaticCascade, Sweep, sweep

Floats = NDArray[np.float64]

LAW = ImpactLaw(1.0, 1.0)
ACCOUNTS = 1_000_000


def _scenarios(prepared: StaticCascade, shock: float, count: int) -> Floats:
    """The shock in all assets, give or take a tenth of a percent of the price."""
    one = prepared.factors({"ALL": shock})
    return one * np.linspace(0.999, 1.001, count)[:, None]


def _lay(margin: MarginBook, depth: float, partial: bool) -> tuple[StaticCascade, float]:
    fresh = MarginBook(margin.book, margin.terms, margin.schedules, margin.schedule)
    made: list[StaticCascade] = []
    depths = {a: d * depth for a, d in books.DEPTH.items()}
    spent = once(lambda: made.append(StaticCascade(fresh, depths, LAW, partial)))
    return made[0], spent


def _rates(prepared: StaticCascade, shocks: Floats, outcomes: bool = False) -> tuple[str, ...]:
    """Scenarios a second on one thread and on all, and what a scenario does."""
    kept: list[Sweep] = []

    def run(threads: int) -> None:
        kept[:] = [sweep(prepared, shocks, threads=threads, outcomes=outcomes)]

    calls = {str(t): (lambda t=t: run(t)) for t in sorted({1, workers()})}
    spent = medians(calls, 5)
    out, ledger = kept[0], prepared.ledger
    fallen = out.left.mean() / len(ledger.margin.book.accounts)
    share = out.forced.sum(axis=1).mean() / ledger.margin.book.notional().sum()
    speeds = [rate(len(shocks) / s) for s in spent.values()]
    return (
        *speeds[:1],
        speeds[-1],
        f"{out.rounds.mean():.1f}",
        f"{fallen:.1%}",
        f"{share:.1%}",
    )


HEAD = (
    "book and rules",
    "prepare",
    "1 thread",
    f"{workers()} threads",
    "rounds",
    "closings / accounts",
    "forced / gross",
)


def cascade(full: bool) -> None:
    """Scenarios a second on a million accounts."""
    rows = []
    mixed = books.mixed(ACCOUNTS)
    for shock in (-0.03, -0.05, -0.08):
        prepared, spent = _lay(mixed, 1.0, True)
        line = _rates(prepared, _scenarios(prepared, shock, 24))
        rows.append((f"mixed, partial closes, {shock:.0%}", duration(spent), *line))
    prepared, spent = _lay(mixed, 1.0, False)
    line = _rates(prepared, _scenarios(prepared, -0.05, 24))
    rows.append(("mixed, closed in full, -5%", duration(spent), *line))
    crossed = books.crossed(ACCOUNTS)
    for shock, partial in ((-0.03, True), (-0.05, True), (-0.05, False)):
        prepared, spent = _lay(crossed, 3.0, partial)
        line = _rates(prepared, _scenarios(prepared, shock, 12))
        how = "partial closes" if partial else "closed in full"
        rows.append((f"all cross, 3 positions, {how}, {shock:.0%}", duration(spent), *line))
    prepared, spent = _lay(books.isolated(ACCOUNTS), 0.8, False)
    line = _rates(prepared, _scenarios(prepared, -0.05, 200), outcomes=True)
    rows.append(("isolated, outcome of every account, -5%", duration(spent), *line))
    line = _rates(prepared, _scenarios(prepared, -0.05, 20_000))
    rows.append(("isolated, sums only, -5%", duration(spent), *line))
    table(
        "Static cascade, 1 million accounts on 4 venues (scenarios a second)",
        HEAD,
        rows,
        "Mixed: 70% with one isolated position, 30% cross with 2 to 4 in six assets. "
        "Every scenario starts from the same laid-out book.",
    )
    _against_numpy(mixed)
    _detailed(mixed)


def _against_numpy(margin: MarginBook) -> None:
    prepared, _ = _lay(margin, 1.0, False)
    shock = prepared.factors({"ALL": -0.05})
    depth = prepared.assumed_depth.values
    found: list[tuple[int, float]] = []

    def theirs() -> None:
        found[:] = [plain.cascade(margin, shock, depth, LAW.exponent)]

    spent = medians({"ours": lambda: sweep(prepared, shock[None], threads=1), "numpy": theirs}, 3)
    ours = sweep(prepared, shock[None])
    assert ours.rounds[0] == found[0][0]
    np.testing.assert_allclose(ours.forced.sum(), found[0][1], rtol=1e-9)
    table(
        "One scenario, mixed book, closed in full, -5%: the same rounds and USD",
        ("", "time", "ours is"),
        [
            ("seawall, laid out, 1 thread", duration(spent["ours"]), ""),
            ("numpy", duration(spent["numpy"]), f"{spent['numpy'] / spent['ours']:.0f}x"),
        ],
    )


def _detailed(margin: MarginBook) -> None:
    """One answer with every closing, account and payment."""
    rows = []
    for partial in (True, False):
        prepared, laid = _lay(margin, 1.0, partial)
        how = "partial closes" if partial else "closed in full"
        rows.append((f"mixed, {how}, -5%", duration(laid), duration(_run(prepared))))
    table("One cascade with every closing and payment", ("", "prepare", "run"), rows)


def _run(prepared: StaticCascade) -> float:
    """Median seconds of -5% in everything, in detail."""
    return medians({"run": lambda: prepared.run({"ALL": -0.05})}, 5)["run"]


def ladder(full: bool) -> None:
    """Sixty shocks against one."""
    table(
        "A ladder of 60 shocks, -0.5% to -30%, 1 million accounts",
        (
            "",
            "prepare",
            "one, in detail",
            "one by one",
            "in one sweep",
            "gain",
            "fresh book: 60 / 1",
        ),
        [
            _ladder_row("isolated, closed in full", books.isolated(ACCOUNTS), False),
            _ladder_row("mixed, closed in full", books.mixed(ACCOUNTS), False),
            _ladder_row("mixed, partial closes", books.mixed(ACCOUNTS), True),
        ],
        "One in detail is -5%. `One by one` calls sweep() for each shock, on all threads but one "
        "scenario at a time. The last column is preparing and 60 shocks over preparing and one in "
        f"detail. The default ladder has {len(LADDER)} steps.",
    )


def _ladder_row(name: str, margin: MarginBook, partial: bool) -> tuple[str, ...]:
    prepared, laid = _lay(margin, 1.0, partial)
    many = np.stack([prepared.factors({"ALL": -k / 200}) for k in range(1, 61)])
    calls = {
        "each": lambda: [sweep(prepared, one[None]) for one in many],
        "many": lambda: sweep(prepared, many),
    }
    spent, run = medians(calls, 3), _run(prepared)
    return (
        name,
        duration(laid),
        duration(run),
        duration(spent["each"]),
        duration(spent["many"]),
        f"{spent['each'] / spent['many']:.1f}x",
        f"{(laid + spent['many']) / (laid + run):.2f}x",
    )


def shock(full: bool) -> None:
    """One shock of isolated positions, as lrvx does it."""
    table(
        "One shock of -5% without impact, isolated, closed in full",
        ("positions", "liquidated", "ours: prepare", "ours: run", "lrvx", "ours is"),
        [_shock_row(n) for n in (10_000, 100_000, *([1_000_000] if full else []))],
        "Ours has every closing, account and the waterfall; theirs is `on_mark` alone. The factors "
        "are with and without preparing. "
        + ("" if full else "`--full` adds a million positions, for which lrvx needs minutes."),
    )


def _shock_row(n: int) -> tuple[str, ...]:
    c, mark = books.columns(n), 86_600.0
    c["size"] = np.sign(c["size"]) * c["balance"] * c["leverage"] / mark
    c["entry"][:] = mark
    # no impact, as theirs has none without an order book beside it
    made: list[StaticCascade] = []

    def lay() -> None:
        made[:] = [StaticCascade(books.of_columns(c, mark), {"BTC": np.inf}, LAW)]

    laid = medians({"lay": lay}, 3)["lay"]
    ran = _run(made[0])
    ours = made[0].run({"ALL": -0.05}).accounts_liquidated
    line = (f"{n:,}", f"{ours:,}", duration(laid), duration(ran))
    theirs = peers.lrvx(c)
    if theirs is None:
        return (*line, "not installed", "")
    counted: list[int] = []
    spent = once(lambda: counted.append(theirs(mark * 0.95)))
    assert counted[0] == ours, (counted, ours)
    return (*line, duration(spent), f"{spent / (laid + ran):.2g}x, {spent / ran:.2g}x")
