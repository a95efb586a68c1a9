"""Bring a venue's brackets up to date: from ccxt, or from a file ccxt wrote.

A new dated block goes into the user's rules folder, from where :meth:`Rules.bundled` lays it
over the bundle. The bundle itself is never touched.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from seawall.core import MarginSchedule, Mistake, RuleError, TierUnit
from seawall.rulebook._load import start_of, today
from seawall.rulebook._tables import build_schedule
from seawall.rulebook._write import brackets_toml, write_whole
from seawall.rulebook.rules import Rules, user_folder

_SHOWN = 20
_PRINTED = ("cum", "mmDeduction", "deduction")
"""Keys under which venues print the maintenance amount of a bracket: Binance, Bybit, Gate."""


@dataclass(frozen=True, slots=True)
class UpdateSummary:
    """What an update wrote.

    Parameters
    ----------
    venue, day
        Rulebook and date of the new block.
    path
        The file written.
    symbols, brackets
        How many instruments and brackets it holds.
    added
        Instruments whose brackets were not known before.
    changed
        Instruments whose brackets differ from those in force on that day.
    skipped
        Names left out, each with the reason.
    """

    venue: str
    day: str
    path: Path
    symbols: int
    brackets: int
    added: tuple[str, ...]
    changed: tuple[str, ...]
    skipped: tuple[str, ...]


def update_from_file(
    venue: str,
    file: Path | str,
    rules: Rules | None = None,
    day: date | None = None,
    folder: Path | str | None = None,
) -> UpdateSummary:
    """Write a dated block from a JSON file of ccxt's ``fetch_leverage_tiers``.

    Parameters
    ----------
    venue
        Name or alias of the rulebook.
    file
        ``{symbol: [bracket, ...]}``, or the same under ``data``.
    rules
        What to compare with; None for the bundle and the user's overlay.
    day
        From when the brackets hold; None for today (UTC).
    folder
        Rules folder to write into; None for the user's own.

    Raises
    ------
    RuleError
        If the file is not of that shape, or a bracket is not valid: nothing is written then.
    """
    path = Path(file)
    try:
        tiers = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RuleError(Mistake(f"cannot be read: {error.strerror}", str(path))) from None
    except ValueError as error:
        raise RuleError(Mistake(f"not a JSON file: {error}", str(path))) from None
    source = f"ccxt fetch_leverage_tiers, read from {path.name}"
    return _write(venue, tiers, str(path), source, rules, day, folder)


def update_from_ccxt(
    venue: str,
    rules: Rules | None = None,
    day: date | None = None,
    folder: Path | str | None = None,
    exchange: Any = None,
) -> UpdateSummary:
    """Write a dated block of the venue's present brackets, fetched through ccxt.

    Venues that serve brackets to their customers only (Binance) need a key:
    ``$SEAWALL_API_KEY`` and ``$SEAWALL_API_SECRET`` are passed on where set.

    Parameters
    ----------
    venue, rules, day, folder
        As in :func:`update_from_file`.
    exchange
        A ccxt exchange to ask; None for a new one of the venue's class.

    Raises
    ------
    RuleError
        If ccxt is missing, the venue cannot be reached or does not serve brackets.
    """
    rules = rules or Rules.bundled()
    venue = rules.canonical_venue(venue)
    if exchange is None:
        exchange = _exchange(rules, venue)
    tiers = _fetch(rules, venue, exchange)
    source = f"ccxt {exchange.id} fetch_leverage_tiers"
    return _write(venue, tiers, f"ccxt {exchange.id}", source, rules, day, folder)


def _exchange(rules: Rules, venue: str) -> Any:
    name = rules.identity(venue).ccxt
    if name is None:
        raise RuleError(
            Mistake("has no ccxt exchange", f"rulebook {venue}", mend="use --from-file")
        )
    try:
        import ccxt
    except ImportError:
        raise RuleError(
            Mistake(
                "ccxt is not installed",
                f"update of {venue}",
                mend="pip install 'seawall[live]', or use --from-file",
            )
        ) from None
    key, secret = os.environ.get("SEAWALL_API_KEY"), os.environ.get("SEAWALL_API_SECRET")
    return getattr(ccxt, name)({"apiKey": key, "secret": secret} if key and secret else {})


def _fetch(rules: Rules, venue: str, exchange: Any) -> Any:
    """All brackets at once where the venue serves them so, else those of known coins in turn."""
    import ccxt

    try:
        if exchange.has.get("fetchLeverageTiers"):
            return exchange.fetch_leverage_tiers()
        if exchange.has.get("fetchMarketLeverageTiers") is True:
            markets = exchange.load_markets().values()
            coins = {rules.instrument(venue, s).asset for s in rules.symbols(venue)}
            wanted = [m["symbol"] for m in markets if m.get("swap") and m.get("base") in coins]
            return {symbol: exchange.fetch_market_leverage_tiers(symbol) for symbol in wanted}
    except ccxt.AuthenticationError as error:
        raise _unreachable(
            venue,
            f"serves its brackets to customers only: {error}",
            "set SEAWALL_API_KEY and SEAWALL_API_SECRET, or use --from-file",
        ) from None
    except ccxt.BaseError as error:
        raise _unreachable(
            venue,
            f"could not be asked: {type(error).__name__}: {error}",
            "check the connection, or use --from-file",
        ) from None
    raise _unreachable(venue, "serves no brackets through ccxt", "use --from-file")


def _unreachable(venue: str, what: str, mend: str) -> RuleError:
    return RuleError(Mistake(what[:300], f"venue {venue}", mend=mend))


def _write(
    venue: str,
    tiers: Any,
    where: str,
    source: str,
    rules: Rules | None,
    day: date | None,
    folder: Path | str | None,
) -> UpdateSummary:
    rules = rules or Rules.bundled()
    venue = rules.canonical_venue(venue)
    day = day or today()
    pattern = rules.newest_brackets(venue)
    kind = pattern.kind if pattern else "continuous"
    unit = pattern.unit if pattern else TierUnit.NOTIONAL
    schedules, skipped = _schedules(rules, venue, _symbols(tiers, where), where, kind, unit)
    added, changed = _compare(rules, venue, schedules, start_of(day))
    target = Path(folder) if folder is not None else user_folder()
    path = target / venue / f"{day.isoformat()}.toml"
    write_whole(path, brackets_toml(schedules, day, source, kind, unit))
    return UpdateSummary(
        venue=venue,
        day=day.isoformat(),
        path=path,
        symbols=len(schedules),
        brackets=sum(len(s.floors) for s in schedules.values()),
        added=added,
        changed=changed,
        skipped=skipped,
    )


def _symbols(tiers: Any, where: str) -> dict[str, Any]:
    if isinstance(tiers, Mapping) and isinstance(tiers.get("data"), Mapping):
        tiers = tiers["data"]
    if not isinstance(tiers, Mapping) or not tiers:
        raise RuleError(
            Mistake(
                "holds no leverage tiers",
                where,
                value=type(tiers).__name__ if not isinstance(tiers, Mapping) else "{}",
                allowed="an object of symbols, each with a list of brackets",
            )
        )
    return dict(tiers)


def _schedules(
    rules: Rules, venue: str, tiers: dict[str, Any], where: str, kind: str, unit: TierUnit
) -> tuple[dict[str, MarginSchedule], tuple[str, ...]]:
    """Checked schedule of every symbol, and the names that are not this venue's to judge."""
    found: dict[str, MarginSchedule] = {}
    skipped: list[str] = []
    mistakes: list[Mistake] = []
    for symbol, rows in tiers.items():
        try:
            name = rules.instrument(venue, symbol).symbol
        except RuleError as error:
            skipped.append(f"{symbol}: {error.mistakes[0].what}")
            continue
        place = f"{where}, {symbol}"
        try:
            table = _table(rows, place, kind)
            found[name] = build_schedule(place, table, kind, unit, rounding=0.0051)
        except RuleError as error:
            mistakes += error.mistakes
    if mistakes:
        raise RuleError(mistakes[:_SHOWN], total=len(mistakes))
    if not found:
        raise RuleError(
            Mistake(f"names no instrument of {venue}", where, value=", ".join(skipped)[:200])
        )
    return found, tuple(skipped)


def _table(rows: Any, place: str, kind: str) -> list[list[float]]:
    """Rows ``[floor, rate, max_leverage, deduction]`` of one symbol."""
    if not isinstance(rows, list) or not rows:
        raise RuleError(Mistake("has no brackets", place, allowed="a list of brackets"))
    table, mistakes = [], []
    for k, row in enumerate(rows, start=1):
        try:
            leverage = row.get("maxLeverage")
            info = row.get("info") or {}
            values = [
                float(row["minNotional"]),
                float(row["maintenanceMarginRate"]),
                math.nan if leverage is None else float(leverage),
                _printed(info, first=k == 1) if kind == "continuous" else math.nan,
            ]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            mistakes.append(
                Mistake(
                    f"bracket {k} cannot be read: {type(error).__name__} {error}",
                    place,
                    allowed="numbers minNotional and maintenanceMarginRate",
                )
            )
            continue
        table.append(values)
    if mistakes:
        raise RuleError(mistakes)
    return table


def _printed(info: Mapping[str, Any], first: bool) -> float:
    """Maintenance amount the venue printed; NaN if none (nothing stands for 0 in the first)."""
    for key in _PRINTED:
        if key in info:
            text = info[key]
            if text is None or text == "":
                return 0.0 if first else math.nan
            return float(text)
    return math.nan


def _compare(
    rules: Rules, venue: str, schedules: dict[str, MarginSchedule], when: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    known = set(rules.symbols(venue)) if rules.newest_brackets(venue) else set()
    added = tuple(sorted(set(schedules) - known))
    changed = tuple(
        sorted(
            s
            for s in set(schedules) & known
            if not _same(schedules[s], rules.schedule(venue, s, when))
        )
    )
    return added, changed


def _same(a: MarginSchedule, b: MarginSchedule) -> bool:
    b = replace(b, source=a.source)
    return a.unit is b.unit and all(
        x.shape == y.shape and np.allclose(x, y, rtol=1e-9, atol=1e-9, equal_nan=True)
        for x, y in (
            (a.floors, b.floors),
            (a.rates, b.rates),
            (a.deductions, b.deductions),
            (a.max_leverage, b.max_leverage),
        )
    )
