"""Vectors as inputs of the public API. No margin is computed here.

A vector names a position as its source prints it. What differs between sources is put into the
columns of a book: whether a collateral counts unrealised profit, what a position without a
quantity is, which day's rules its text describes, what an added margin is added to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from seawall.core import (
    MaintenanceBasis,
    MarginSchedule,
    MarginTerms,
    RuleError,
    continuous_deductions,
    parse_time,
)
from seawall.ingest import read_book
from seawall.margin import MarginBook, half_initial_rate, unrealised_pnl
from seawall.rulebook import Rules, bind
from seawall.rulebook.rules import BUNDLE

Vector = Mapping[str, Any]

RULEBOOKS = {
    "binance_usdm": "binance_usdm",
    "binance_coinm": "binance_coinm",
    "bybit": "bybit",
    "okx": "okx",
    "hyperliquid": "hyperliquid",
    "deribit": "deribit",
    "dydx_v4": "dydx",
}
"""Rulebook of each venue named in a vector."""
STATED = {
    # venues without a rulebook whose rule for these fields the engine has: the generic venue
    # with the one term that their page states
    "gate": (MarginTerms(fee_in_maintenance=True), {"liquidation_price", "bankruptcy_price"}),
    "bitmex": (
        MarginTerms(maintenance_basis=MaintenanceBasis.ENTRY),
        {"liquidation_price", "bankruptcy_price"},
    ),
}
WITH_PROFIT = ("binance_usdm", "binance_coinm", "hyperliquid")
"""Venues whose exported isolated margin counts unrealised profit."""

_SYMBOLS = {
    ("binance_usdm", "linear"): "BTCUSDT",
    ("binance_coinm", "inverse"): "BTCUSD_PERP",
    ("bybit", "linear"): "BTCUSDT",
    ("bybit", "inverse"): "BTCUSD",
    ("okx", "linear"): "BTC-USDT-SWAP",
    ("okx", "inverse"): "BTC-USD-SWAP",
    ("hyperliquid", "linear"): "BTC",
    ("deribit", "linear"): "BTC_USDC-PERPETUAL",
    ("deribit", "inverse"): "BTC-PERPETUAL",
    ("dydx", "linear"): "BTC-USD",
    ("generic", "linear"): "BTCUSDT",
    ("generic", "inverse"): "BTCUSD",
}
_AT_ENTRY, _AT_MARK = "2024-07-01", "2026-06-01"
_REGIMES = tuple(
    (re.compile(pattern, re.IGNORECASE), day)
    for pattern, day in (
        # what the text says of the value, then the form of the formula, then what it is called
        (r"(value|mm|margin|notional) (is )?(at|on|from) (the )?mark", _AT_MARK),
        (r"(value|mm|margin|notional) (is )?(at|on|from) (the )?entry", _AT_ENTRY),
        (r"1\s*[-+−±]\s*mmr", _AT_MARK),
        (r"im\s*[-−]\s*mm\b|mmr\s*[*·×]\s*ep\b|\bep\s*[*·×]\s*mmr", _AT_ENTRY),
        (r"\bold\b|standard account|classic account|\b202[0-4]\b", _AT_ENTRY),
        (r"\bcurrent\b|\bnew\b|\b202[5-9]\b", _AT_MARK),
    )
)
_ADDED = re.compile(
    r"(extra|added|additional)(_?(margin|collateral|balance))?(_added)?|margin_added"
)


class UnsupportedError(Exception):
    """The engine has no such rule, or the vector does not say enough for it."""


def number(value: object) -> float | None:
    """A number that may be written as text, or missing."""
    if value is None or value == "":
        return None
    return float(value)  # type: ignore[arg-type]


def extra(vector: Vector, *names: str) -> float | None:
    """First of the additional inputs that is given."""
    box = vector.get("extra") or {}
    return next((number(box[n]) for n in names if box.get(n) is not None), None)


@cache
def rules() -> Rules:
    """The bundled rulebooks alone, so that a user's overlay changes no result."""
    return Rules.from_folders(BUNDLE)


def venue_of(vector: Vector) -> str:
    """Rulebook that judges a vector."""
    name = str(vector["venue"])
    if name in RULEBOOKS:
        return RULEBOOKS[name]
    if name in STATED:
        return "generic"
    raise UnsupportedError("no rule of this venue is in the engine")


def day_of(vector: Vector) -> str | None:
    """Day whose rules a vector describes; None for the newest.

    Only Bybit's margins changed: at the entry price until 2024 at least, at the mark price by
    November 2025. The vector's formula says which, else its note, else its name.
    """
    if vector["venue"] != "bybit":
        return None
    for text in (vector.get("formula"), vector.get("note"), vector.get("id")):
        for pattern, day in _REGIMES:
            if pattern.search(text or ""):
                return day
    return None


# --- brackets ---------------------------------------------------------------------------------


def tiers_of(vector: Vector) -> list[Mapping[str, Any]]:
    """Brackets given with a vector, lowest first."""
    return list((vector.get("extra") or {}).get("tiers") or ())


def _floors(tiers: list[Mapping[str, Any]]) -> np.ndarray:
    caps = [0.0, *(number(t.get("cap")) for t in tiers[:-1])]
    named = ("floor", "lower", "lower_bound", "min_notional", "min")
    return np.array(
        [
            next((number(t[n]) for n in named if t.get(n) is not None), cap)
            for t, cap in zip(tiers, caps, strict=True)
        ],
        dtype=np.float64,
    )


def _rates(tiers: list[Mapping[str, Any]]) -> np.ndarray:
    found = []
    for tier in tiers:
        rate = next((number(tier[n]) for n in ("mmr", "rate") if tier.get(n) is not None), None)
        top = number(tier.get("max_leverage"))
        if rate is None and top is None:
            raise UnsupportedError("a tier without a rate")
        found.append(float(half_initial_rate(np.array(top))) if rate is None else rate)
    return np.array(found)


def deductions_of(vector: Vector) -> list[float]:
    """Maintenance amounts of the vector's brackets, from that of the first."""
    tiers = tiers_of(vector)
    if not tiers:
        raise UnsupportedError("no tiers are given")
    first = next((number(tiers[0][n]) for n in ("cum", "deduction") if tiers[0].get(n)), 0.0)
    return continuous_deductions(_floors(tiers), _rates(tiers), first or 0.0).tolist()


def _schedule(vector: Vector) -> MarginSchedule | None:
    grows, rate = extra(vector, "size_factor"), number(vector.get("maintenance_margin_rate"))
    if grows is not None and rate is not None:
        return MarginSchedule.flat(rate, source="given with the vector", growth=grows)
    tiers = tiers_of(vector)
    if not tiers or _floors(tiers)[0] != 0.0 or number(vector.get("maintenance_amount")):
        return None
    made = MarginSchedule.stepped if vector["venue"] == "okx" else MarginSchedule.continuous
    return made(_floors(tiers), _rates(tiers), source="given with the vector")


# --- rows -------------------------------------------------------------------------------------


def _prices(leg: Vector) -> tuple[float, float]:
    """Entry and mark; each stands in for the other, and 1 for both."""
    entry, mark = number(leg.get("entry_price")), number(leg.get("mark_price"))
    mark = mark or extra(leg, "index_price")
    return entry or mark or 1.0, mark or entry or 1.0


def _symbol(vector: Vector, leg: Vector, venue: str, k: int) -> str:
    """The instrument's name; a numbered coin where the rulebook cannot read it."""
    kind = vector["contract_type"]
    usual = _SYMBOLS[venue, kind]
    name = leg.get("symbol") or (leg.get("extra") or {}).get("symbol") or usual
    try:
        rules().instrument(venue, name, kind)
    except RuleError:
        return usual.replace("BTC", f"COIN{k}")
    return str(name)


def _taker_fee(vector: Vector) -> float | None:
    """As stated; Bybit's examples that state none count none."""
    fee = extra(vector, "taker_fee", "taker", "taker_fee_rate")
    return 0.0 if fee is None and vector["venue"] == "bybit" else fee


def _leg(vector: Vector, leg: Vector, venue: str, k: int) -> dict[str, Any]:
    """What describes one position, without what stands behind it."""
    own = leg is vector
    entry, mark = _prices(leg)
    quantity, size = number(leg.get("quantity")), number(leg.get("contract_size"))
    if quantity is None:
        # only its value is printed: that many units at a price of 1
        quantity = extra(vector, "notional", "total_notional", "position_value") if own else None
        if quantity is None:
            raise UnsupportedError("no quantity")
        entry, mark, size = 1.0, 1.0, 1.0
    if size is None and leg.get("symbol") == (vector.get("extra") or {}).get("symbol"):
        size = number(vector.get("contract_size"))
    rate = number(leg.get("maintenance_margin_rate"))
    top = extra(vector, "max_leverage") if own else number(leg.get("max_leverage"))
    if rate is None and top is not None:
        rate = float(half_initial_rate(np.array(top)))
    leverage, base = number(leg.get("leverage")), extra(leg, "initial_margin_base")
    if leverage is None and base:
        leverage = 1.0 / base
    return {
        "account": "vector",
        "venue": venue,
        "instrument": _symbol(vector, leg, venue, k),
        "contract_type": vector["contract_type"],
        "contract_size": size,
        "side": "short" if leg.get("side") == "short" else "long",
        "quantity": abs(quantity),
        "entry_price": entry,
        "mark_price": mark,
        "leverage": leverage,
        "maintenance_margin_rate": rate,
        "maintenance_amount": None if rate is None else number(leg.get("maintenance_amount")),
        "taker_fee": _taker_fee(vector),
        "tick_size": extra(vector, "tick", "tick_size") if own else None,
        "margin_mode": "cross" if vector["margin_mode"] == "cross" else "isolated",
        "collateral": None,
        "collateral_value": None,
        "wallet_balance": None,
        "account_value": None,
    }


def _worth(row: Mapping[str, Any]) -> float:
    """What the position is worth at its mark, < 0 for a short: its profit since a price of 0."""
    sign = -1.0 if row["side"] == "short" else 1.0
    size = np.array([sign * row["quantity"] * (row["contract_size"] or 1.0)])
    return float(unrealised_pnl(size, np.zeros(1), np.array([row["mark_price"]]))[0])


def backing_of(vector: Vector, row: Mapping[str, Any]) -> dict[str, float]:
    """Column and value of the margin that the vector states; empty where it states none."""
    wallet, collateral = number(vector.get("wallet_balance")), number(vector.get("collateral"))
    cash = extra(vector, "raw_usd")
    marked = number(vector.get("mark_price")) is not None
    if vector["venue"] == "dydx_v4":
        paid = extra(vector, "usdc_balance", "quote_balance")
        if paid is not None:  # what was paid for the position is in it
            return {"account_value": paid + _worth(row)}
        if wallet is None and extra(vector, "account_value", "equity") is None:
            wallet = collateral  # the deposit
    if row["margin_mode"] == "cross":
        equity = extra(vector, "account_value", "equity")
        equity = collateral if equity is None else equity
        if wallet is not None:
            return {"wallet_balance": wallet}
        return {} if equity is None else {"account_value": equity}
    if cash is not None:
        return {"collateral_value": cash + _worth(row)}
    if wallet is not None:
        return {"collateral": wallet}
    if collateral is not None:
        with_profit = marked and vector["venue"] in WITH_PROFIT
        return {"collateral_value" if with_profit else "collateral": collateral}
    return {}


def added_margin(vector: Vector) -> float:
    """Margin put in on top of the initial one."""
    box = vector.get("extra") or {}
    return sum(number(v) or 0.0 for k, v in box.items() if _ADDED.fullmatch(k))


# --- books ------------------------------------------------------------------------------------


def _bound(vector: Vector, rows: list[dict[str, Any]]) -> MarginBook:
    day = day_of(vector)
    margin = bind(read_book(rows, rules=rules(), when=day), rules(), day and parse_time(day))
    stated = STATED.get(str(vector["venue"]))
    if stated is not None:
        terms = tuple(replace(t, margin=stated[0]) for t in margin.terms)
        margin = replace(margin, terms=terms)
    own = _schedule(vector)
    if own is not None:
        index = margin.schedule.copy()
        index[0] = len(margin.schedules)
        margin = replace(margin, schedules=(*margin.schedules, own), schedule=index)
    return margin


def _rows(vector: Vector, venue: str) -> list[dict[str, Any]]:
    """The vector's own position first, then those that share its account."""
    others = [o for o in vector.get("other_positions") or () if o.get("margin_mode") != "isolated"]
    names = list(dict.fromkeys(o.get("symbol") for o in others))
    rows = [
        _leg(vector, vector, venue, 0),
        *(_leg(vector, o, venue, 1 + names.index(o.get("symbol"))) for o in others),
    ]
    return [*rows, *_rest(vector, rows[0])]


def _rest(vector: Vector, own: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One position that stands for the others, where only their totals are given."""
    need = extra(vector, "tmm", "m_other", "other_maintenance_margin", "mm_ex_1")
    total = extra(vector, "cross_maintenance_margin_used", "account_maintenance_margin")
    if need is None and total is not None and not vector.get("other_positions"):
        alone = _bound(vector, [{**own, "wallet_balance": 0.0}])
        need = total - float(alone.maintenance()[0])
    pnl = extra(vector, "upnl", "other_unrealized_pnl", "upnl_ex_1") or 0.0
    if own["margin_mode"] != "cross" or not (need or pnl):
        return []
    if vector["contract_type"] == "inverse":
        raise UnsupportedError("totals of other positions in coin")
    mark = 2.0 * ((need or 0.0) + abs(pnl))
    rest = {"side": "long", "quantity": 1.0, "contract_size": 1.0, "mark_price": mark}
    rest |= {"entry_price": mark - pnl, "maintenance_margin_rate": (need or 0.0) / mark}
    rest |= {"instrument": _SYMBOLS[own["venue"], "linear"].replace("BTC", "REST")}
    return [{**own, **rest, "maintenance_amount": 0.0, "tick_size": None}]


def _with(rows: list[dict[str, Any]], backing: Mapping[str, float]) -> list[dict[str, Any]]:
    return [{**rows[0], **backing}, *rows[1:]]


def _from_bankruptcy(vector: Vector, rows: list[dict[str, Any]], price: float) -> MarginBook:
    """Isolated margin that is gone at a printed bankruptcy price.

    It is the loss there and the fee set aside for closing there, which the margin itself may move.
    """
    row = {**rows[0], "margin_mode": "isolated"}
    there = _bound(vector, [{**row, "mark_price": price, "collateral": 1.0}])
    loss = -float(there.pnl()[0])
    collateral = loss
    for _ in range(8):
        margin = _bound(vector, [{**row, "collateral": collateral}])
        collateral = loss + float(margin.lines.closing[0])
    return _bound(vector, [{**row, "collateral": collateral}])


def book_of(vector: Vector, imply: bool = False) -> tuple[MarginBook, bool]:
    """The vector under its venue's rules, and whether its margin is known.

    Parameters
    ----------
    vector
        As in the file.
    imply
        Leave the stated margin out where entry and leverage imply it.
    """
    rows = _rows(vector, venue_of(vector))
    isolated = rows[0]["margin_mode"] == "isolated"
    implied = isolated and rows[0]["leverage"] is not None
    backing = {} if imply and implied else backing_of(vector, rows[0])
    added = added_margin(vector)
    if backing or implied:
        margin = _bound(vector, _with(rows, backing))
        if added and isolated and not imply:
            margin = _bound(vector, _with(rows, {"collateral": float(margin.balance[0]) + added}))
        return margin, True
    bankruptcy = extra(vector, "bankruptcy_price", "bust_price")
    if bankruptcy is not None:
        return _from_bankruptcy(vector, rows, bankruptcy), True
    column = "collateral" if isolated else "wallet_balance"
    blank = _bound(vector, _with(rows, {column: 1.0}))
    need = float(blank.accounts_state().maintenance[0])
    ratio, free = extra(vector, "margin_ratio"), extra(vector, "margin_available")
    equity = None if free is None else free + need
    if ratio is not None and vector["venue"] == "okx":
        equity = ratio * need
    if equity is None:
        return blank, False
    column = "collateral_value" if isolated else "account_value"
    return _bound(vector, _with(rows, {column: equity})), True
