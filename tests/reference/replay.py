"""Replay numeric examples of venues and peers against the engine.

``python tests/reference/replay.py FILE [FILE ...]`` reads files of one JSON object a line:
``id, venue, contract_type, margin_mode, side, quantity, contract_size, entry_price, mark_price,
leverage, wallet_balance, collateral, maintenance_margin_rate, maintenance_amount,
other_positions, extra, expected, tolerance, formula, strength, note``. ``expected`` holds numbers
by name (None: the venue shows none), ``tolerance`` an absolute or a relative bound, or both, of
which the wider counts.

It prints the failures, what is not supported by venue, and ``N passed, M failed, K unsupported``.
Every number comes from seawall's public API; ``vector_inputs`` adapts the inputs.
"""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from vector_inputs import (
    STATED,
    UnsupportedError,
    Vector,
    book_of,
    deductions_of,
    extra,
    rules,
    venue_of,
)

from seawall.core import SeawallError
from seawall.margin import (
    MarginBook,
    bankruptcy_quote,
    fillable_price,
    funding_rate,
    impact_premium,
    insurance_fund_delta,
    unrealised_pnl,
)

Answer = float | list[float] | None
KNOWN_GAP = "known gap"


@dataclass(frozen=True)
class Difference:
    """One figure that does not come out."""

    field: str
    expected: object
    got: object
    tolerance: float


@dataclass(frozen=True)
class Outcome:
    """What became of one vector: ``passed``, ``failed``, ``unsupported`` or ``known gap``."""

    id: str
    venue: str
    status: str
    differences: tuple[Difference, ...] = ()
    reason: str = ""
    error: float = math.nan
    """Greatest relative error of its figures, those expected to be 0 left out."""


# --- figures that need no position --------------------------------------------------------------


def _premium(vector: Vector) -> float:
    given = extra(vector, "premium", "average_premium")
    if given is not None:
        return given
    sides = [extra(vector, n) for n in ("impact_bid", "impact_ask", "oracle")]
    if None in sides:
        raise UnsupportedError("no impact prices")
    return float(impact_premium(*(np.array(x) for x in sides)))


def _funding(vector: Vector) -> float:
    terms = rules().terms(venue_of(vector)).funding
    hours = extra(vector, "interval_hours") or terms.interval_hours
    # premiums are printed for eight hours, rulebooks state the terms of their own interval
    part = hours / terms.interval_hours
    premium = np.array(_premium(vector) * hours / 8)
    return float(funding_rate(premium, terms.interest * part, terms.damper * part, terms.cap))


LOOSE: dict[str, Callable[[Vector], Answer]] = {
    "maintenance_amounts": deductions_of,
    "maintenance_amount": lambda v: deductions_of(v)[-1],
    "premium": _premium,
    "funding_rate": _funding,
}


# --- figures of a position and its account ------------------------------------------------------


def _liquidation(margin: MarginBook, vector: Vector) -> float:
    printed = extra(vector, "tick", "tick_size") is not None
    price = margin.printed_liquidation_price() if printed else margin.liquidation_price()
    return float(price[0])


def _bankruptcy(margin: MarginBook, vector: Vector) -> float:
    printed = extra(vector, "tick", "tick_size") is not None
    price = margin.printed_bankruptcy_price() if printed else margin.bankruptcy_price()
    return float(price[0])


def _margin_used(margin: MarginBook, vector: Vector) -> float:
    """What an isolated position stands on; what a cross one was opened with."""
    state = margin.positions_state()
    return float((state.initial if vector["margin_mode"] == "cross" else state.equity)[0])


def _part(margin: MarginBook, vector: Vector) -> tuple[float, ...]:
    """Change of size, its size, price and rate, and the account's equity and maintenance."""
    book, whole = margin.book, margin.accounts_state()
    size = float(book.positions.size[0])
    delta = extra(vector, "delta_quantity")
    if delta is None:
        delta = -math.copysign(extra(vector, "fill_quantity") or abs(size), size)
    need, value = float(margin.need()[0]), float(book.notional()[0])
    mark = float(book.positions.mark[0])
    return size, delta, mark, need / value, float(whole.equity[0]), float(whole.maintenance[0])


def _bankruptcy_quote(margin: MarginBook, vector: Vector) -> float:
    return float(bankruptcy_quote(*map(np.asarray, _part(margin, vector))))


def _fillable_price(margin: MarginBook, vector: Vector) -> float:
    size, _, *figures = map(np.asarray, _part(margin, vector))
    terms = margin.terms[0].liquidation
    adjustment = extra(vector, "bankruptcy_adjustment") or terms.bankruptcy_adjustment
    spread = extra(vector, "spread_to_mmr") or terms.spread_to_maintenance
    if adjustment is None or spread is None:
        raise UnsupportedError("the venue's orders have no fillable price")
    return float(fillable_price(size, *figures, adjustment, spread))


def _fund_delta(margin: MarginBook, vector: Vector) -> float:
    price, fee = extra(vector, "fill_price"), extra(vector, "max_liquidation_fee")
    if price is None:
        raise UnsupportedError("no price of the fill")
    delta, quote = _part(margin, vector)[1], _bankruptcy_quote(margin, vector)
    most = margin.terms[0].liquidation.fee if fee is None else fee
    return float(insurance_fund_delta(*map(np.asarray, (delta, price, quote)), most))


def _counterparty_pnl(margin: MarginBook, vector: Vector) -> float:
    """What the other side makes that bought or sold at the same price and closes at bankruptcy."""
    p = margin.book.positions
    return float(unrealised_pnl(-p.size, p.entry, margin.bankruptcy_price())[0])


def _at_entry(vector: Vector) -> MarginBook | None:
    """The vector marked at its entry, where its note says that its margin stands there."""
    if vector["venue"] != "dydx_v4" or "entry notional" not in (vector.get("note") or ""):
        return None
    return book_of({**vector, "mark_price": vector["entry_price"]})[0]


def _maintenance(margin: MarginBook, vector: Vector) -> float:
    return float((_at_entry(vector) or margin).maintenance()[0])


OWN: dict[str, Callable[[MarginBook, Vector], float]] = {
    "maintenance_margin": _maintenance,
    "initial_margin": lambda m, v: float(m.initial()[0]),
    "unrealized_pnl": lambda m, v: float(m.pnl()[0]),
    "total_pnl": lambda m, v: float(m.pnl().sum()),
    "account_maintenance_margin": lambda m, v: float(m.accounts_state().maintenance[0]),
    "notional": lambda m, v: float(m.book.notional()[0]),
}
"""Figures that no margin enters."""

MARGINED: dict[str, Callable[[MarginBook, Vector], float]] = {
    "liquidation_price": _liquidation,
    "bankruptcy_price": _bankruptcy,
    "margin_ratio": lambda m, v: float(m.printed_ratio()[0]),
    "equity": lambda m, v: float(m.accounts_state().equity[0]),
    "account_value": lambda m, v: float(m.accounts_state().equity[0]),
    "margin_used": _margin_used,
    "wallet_balance": lambda m, v: float(m.balance[0]),
    "effective_leverage": lambda m, v: float(m.effective_leverage()[0]),
    "bankruptcy_quote": _bankruptcy_quote,
    "fillable_price": _fillable_price,
    "insurance_fund_delta": _fund_delta,
    "counterparty_pnl": _counterparty_pnl,
}
IMPLIED: dict[str, Callable[[MarginBook, Vector], float]] = {
    "position_balance": lambda m, v: float(m.balance[0]),
}
"""Figures that the stated margin would merely repeat: it is left out where leverage implies it."""


def answer(vector: Vector, field: str) -> Answer:
    """The engine's figure for one of the expected ones.

    Raises
    ------
    UnsupportedError
        If the engine has none.
    """
    stated = STATED.get(str(vector["venue"]))
    if stated is not None and field not in stated[1]:
        raise UnsupportedError(f"{field}: no rule of this venue is in the engine")
    if vector["venue"] == "bitmex" and extra(vector, "taker_fee") is not None:
        raise UnsupportedError("fees and funding enter this venue's margins")
    if field in LOOSE:
        return LOOSE[field](vector)
    if field not in {**OWN, **MARGINED, **IMPLIED}:
        raise UnsupportedError(f"{field}: no such figure")
    margin, known = book_of(vector, imply=field in IMPLIED)
    if field in OWN:
        return OWN[field](margin, vector)
    if not known:
        raise UnsupportedError(f"{field}: the margin is not stated")
    return {**MARGINED, **IMPLIED}[field](margin, vector)


def _pairs(expected: object, got: Answer) -> list[tuple[float, float]]:
    """Expected and found numbers side by side; None is NaN."""
    lists = [x if isinstance(x, list) else [x] for x in (expected, got)]
    if len(lists[0]) != len(lists[1]):
        return [(math.inf, math.nan)]
    told = [[math.nan if x is None else float(x) for x in one] for one in lists]
    return list(zip(*told, strict=True))


def _bound(expected: float, tolerance: Vector) -> float:
    if not tolerance:
        return 1e-9 * abs(expected)
    return max(tolerance.get("abs", 0.0), tolerance.get("rel", 0.0) * abs(expected))


def replay(vector: Vector) -> Outcome:
    """One vector against the engine."""
    about = str(vector["id"]), str(vector["venue"])
    differences: list[Difference] = []
    errors: list[float] = []
    try:
        venue_of(vector)
        for field, expected in vector["expected"].items():
            got = answer(vector, field)
            for wanted, found in _pairs(expected, got):
                bound = _bound(wanted, vector.get("tolerance") or {})
                if math.isnan(wanted) and math.isnan(found):
                    continue
                if not abs(found - wanted) <= bound:
                    differences.append(Difference(field, expected, got, bound))
                elif wanted:
                    errors.append(abs(found / wanted - 1))
    except UnsupportedError as why:
        return Outcome(*about, "unsupported", reason=str(why))
    except SeawallError as error:
        differences.append(Difference("input", "a book", str(error), 0.0))
    if vector.get("strength") == KNOWN_GAP:
        return Outcome(*about, KNOWN_GAP, tuple(differences))
    status = "failed" if differences else "passed"
    return Outcome(*about, status, tuple(differences), error=max(errors, default=math.nan))


def read_vectors(path: Path) -> list[Vector]:
    """Vectors of a file, one JSON object a line."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def report(outcomes: list[Outcome]) -> list[str]:
    """Lines to print, the closing one last."""
    lines = []
    for o in outcomes:
        for d in o.differences:
            mark = "known gap" if o.status == KNOWN_GAP else "FAILED"
            lines.append(
                f"{mark}: {o.id}: {d.field} expected {d.expected} got {d.got} "
                f"tolerance {d.tolerance:.3g}"
            )
    aside = Counter((o.venue, o.reason) for o in outcomes if o.status == "unsupported")
    lines += [f"unsupported: {venue}: {n} ({why})" for (venue, why), n in sorted(aside.items())]
    passed = Counter(o.venue for o in outcomes if o.status == "passed")
    lines += [f"passed: {venue}: {n}" for venue, n in sorted(passed.items())]
    count = Counter(o.status for o in outcomes)
    left = count["unsupported"] + count[KNOWN_GAP]
    lines.append(f"{count['passed']} passed, {count['failed']} failed, {left} unsupported")
    return lines


def main(paths: list[str]) -> int:
    """Print the report of some files; 1 if a vector failed, 2 without a file."""
    if not paths:
        print("usage: replay.py FILE [FILE ...]", file=sys.stderr)
        return 2
    outcomes = [replay(v) for path in paths for v in read_vectors(Path(path))]
    print("\n".join(report(outcomes)))
    return int(any(o.status == "failed" for o in outcomes))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
