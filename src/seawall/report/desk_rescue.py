"""The report of a rescue: what brings accounts back from a margin call, and what it costs."""

from __future__ import annotations

import math
from typing import Any

from seawall.desk.back import MOST, Rescue
from seawall.desk.rescue import Goal
from seawall.margin import MarginBook
from seawall.report.model import (
    Assumption,
    Column,
    Headline,
    Report,
    Section,
    Table,
    Unit,
)
from seawall.report.numbers import counted, short, text
from seawall.report.subject import (
    inputs_of,
    kind_of,
    machine_inputs,
    rule_assumptions,
    usd_per_settled,
    venue_titles,
    warnings_of,
)

SCHEMA = "seawall.rescue/1"


def rescue_report(found: Rescue) -> Report:
    """Collateral to add, positions to cut and hedges, of every account short of the goal."""
    margin = found.margin
    rows = _Rows(found)
    accounts, cuts = rows.accounts(), rows.cuts()
    parts, hedges = rows.contributions(), rows.hedges()
    payload = {
        "inputs": machine_inputs(margin),
        "parameters": {"target_ratio": found.goal.ratio, "survive": found.goal.move},
        "accounts": accounts,
        "cuts": cuts,
        "contributions": parts,
        "hedges": hedges,
        "totals": {
            "accounts": len(margin.book.accounts),
            "accounts_short": len(found.accounts),
            "accounts_liquidatable": int(margin.accounts_state().liquidatable.sum()),
            "collateral_usd": float(sum(a["add_usd"] for a in accounts)),
        },
        "warnings": list(warnings_of(margin)),
    }
    return Report(
        schema=SCHEMA,
        title="Rescue",
        question=f"What brings accounts back to {goal_words(found.goal)}, and what does it cost?",
        answer=_answer(found, accounts, cuts),
        headlines=(
            Headline("accounts", "Accounts short of it", len(accounts), Unit.COUNT),
            Headline(
                "collateral",
                "Collateral that brings all back",
                sum(a["add_usd"] for a in accounts),
                Unit.USD,
                kind_of(margin),
            ),
        ),
        tables=_tables(accounts, cuts, parts, hedges),
        assumptions=_assumptions(margin),
        warnings=warnings_of(margin),
        inputs=inputs_of(margin),
        payload=payload,
        sections=(
            Section("Ways back", ("accounts", "cuts", *(["hedges"] if hedges else []))),
            Section("Where the margin goes", ("contributions",)),
        ),
    )


class _Rows:
    """Records of a rescue under the keys of the JSON."""

    def __init__(self, found: Rescue):
        self.found, self.margin = found, found.margin
        self.book = found.margin.book
        self.usd = usd_per_settled(found.margin)
        self.titles = venue_titles(found.margin)

    def who(self, a: int) -> dict[str, Any]:
        book = self.book
        return {
            "account": book.traders[int(book.accounts.trader[a])],
            "venue": self.titles[int(book.accounts.venue[a])],
            "margin_mode": "isolated" if book.accounts.isolated[a] else "cross",
        }

    def which(self, i: int) -> dict[str, Any]:
        book = self.book
        if i < 0:
            return {"row": None, "instrument": "all positions alike", "side": None}
        return {
            "row": int(book.positions.row[i]),
            "instrument": book.instruments[int(book.positions.instrument[i])].symbol,
            "side": "long" if book.positions.size[i] > 0 else "short",
        }

    def accounts(self) -> list[dict[str, Any]]:
        f = self.found
        return [
            self.who(a)
            | {
                "margin_ratio": _finite(f.ratio[k]),
                "equity": float(f.equity[k]),
                "equity_usd": float(f.equity[k] * self.usd[a]),
                "currency": self.book.currencies[int(self.book.accounts.settle[a])],
                "add": float(f.add[k]),
                "add_usd": float(f.add[k] * self.usd[a]),
                "cash": float(f.cash[k]),
                "best_cut": self._best(k),
                "move_survived": _finite(f.move[k]),
                "move_survived_after": _finite(f.move_after[k]),
            }
            for k, a in enumerate(f.accounts.tolist())
        ]

    def _best(self, k: int) -> int | None:
        """Place among the cuts of the cheapest that is enough."""
        return self.found.best_cut(k) if k < MOST else None

    def cuts(self) -> list[dict[str, Any]]:
        c = self.found.cuts
        return [
            self.who(a)
            | self.which(int(c.position[k]))
            | {
                "share": _finite(c.share[k]),
                "size": _finite(c.size[k]),
                "notional_usd": float(c.notional_usd[k]),
                "cost": float(c.cost[k]),
                "cost_usd": float(c.cost[k] * self.usd[a]),
                "put_back": float(c.put_back[k]),
                "put_back_usd": float(c.put_back[k] * self.usd[a]),
                "margin_ratio": _finite(c.ratio[k]),
            }
            for k, a in enumerate(c.account.tolist())
        ]

    def contributions(self) -> list[dict[str, Any]]:
        c = self.found.contributions
        return [
            self.who(a)
            | self.which(int(c.position[k]))
            | {
                "notional_usd": float(self.book.notional()[c.position[k]]),
                "part": _finite(c.part[k]),
                "marginal": _finite(c.marginal[k]),
                "ratio_without": _finite(c.without[k]),
            }
            for k, a in enumerate(c.account.tolist())
        ]

    def hedges(self) -> list[dict[str, Any]]:
        return [
            self.who(a)
            | {
                "instrument": self.book.instruments[h.instrument].symbol,
                "side": "buy" if h.size > 0 else "sell",
                "size": h.size,
                "notional_usd": h.notional_usd,
                "cost": h.cost,
                "margin_ratio": h.ratio,
                "move_survived": _finite(h.move),
            }
            for a, some in zip(self.found.accounts.tolist(), self.found.hedges, strict=False)
            for h in some
        ]


def _finite(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None


def goal_words(goal: Goal) -> str:
    """A goal in words: ``a margin ratio of 50.00%``."""
    words = f"a margin ratio of {text(goal.ratio, Unit.FRACTION)}"
    if goal.move > 0.0:
        words += f" that survives a move of {text(goal.move, Unit.FRACTION)}"
    return words


def cut_words(cut: dict[str, Any]) -> str:
    """A cut in words: ``cut 39.1% of the BTCUSDT long (row 1), $84.6 k``."""
    share = text(cut["share"], Unit.FRACTION)
    what = (
        "all positions"
        if cut["row"] is None
        else f"the {short(cut['instrument'], 30)} {cut['side']} (row {cut['row']})"
    )
    notional, cost = (text(cut[key], Unit.USD) for key in ("notional_usd", "cost_usd"))
    words = f"cut {share} of {what}, {notional}, at a cost of {cost}"
    if cut["put_back_usd"] > 0:
        words += f", and put back the {text(cut['put_back_usd'], Unit.USD)} that it frees"
    return words


def _answer(
    found: Rescue, accounts: list[dict[str, Any]], cuts: list[dict[str, Any]]
) -> tuple[str, ...]:
    if not accounts:
        return (f"No account is short of {goal_words(found.goal)}: nothing has to be done.",)
    lines = []
    for a in accounts[:3]:
        ratio = (
            "no equity left"
            if a["margin_ratio"] is None
            else (f"a margin ratio of {text(a['margin_ratio'], Unit.FRACTION)}")
        )
        best = cuts[a["best_cut"]] if a["best_cut"] is not None else None
        other = f"or {cut_words(best)}" if best else "no cut alone is enough"
        after = f" after adding {_money(a, 'cash')}" if a["cash"] > 0 and best else ""
        lines.append(
            f"{short(a['account'], 30)} on {a['venue']} has {ratio}: add {_money(a, 'add')}; "
            f"{other}{after}."
        )
    if len(accounts) > 3:
        lines.append(f"{counted(len(accounts) - 3, 'more account')} below.")
    return tuple(lines)


def _money(account: dict[str, Any], key: str) -> str:
    if account["currency"] == "USD":
        return text(account[key], Unit.USD)
    return f"{text(account[key], Unit.NUMBER)} {account['currency']}"


_WHO = (
    Column("account", "Account", brief=True),
    Column("venue", "Venue"),
    Column("margin_mode", "Mode"),
)
_WHICH = (
    Column("row", "Row", Unit.COUNT, brief=True),
    Column("instrument", "Instrument", brief=True),
    Column("side", "Side", brief=True),
)


def _table(key: str, title: str, columns: tuple[Column, ...], rows: Any, **more: Any) -> Table:
    return Table(key, title, columns, [[r[c.key] for c in columns] for r in rows], **more)


def _tables(
    accounts: list[dict[str, Any]],
    cuts: list[dict[str, Any]],
    parts: list[dict[str, Any]],
    hedges: list[dict[str, Any]],
) -> tuple[Table, ...]:
    found = _account_table(accounts), _cut_table(cuts), _part_table(parts)
    return (*found, _hedges(hedges)) if hedges else found


def _account_table(accounts: list[dict[str, Any]]) -> Table:
    columns = (
        *_WHO,
        Column("margin_ratio", "Margin ratio", Unit.FRACTION, brief=True, note="∞ shows as a dash"),
        Column("equity_usd", "Equity", Unit.USD),
        Column("add_usd", "Add", Unit.USD, brief=True),
        Column("move_survived", "Survives", Unit.FRACTION, brief=True),
        Column("move_survived_after", "Survives then", Unit.FRACTION, brief=True),
    )
    return _table(
        "accounts",
        "Accounts short of the goal, and the collateral that brings them back",
        columns,
        accounts,
        main=True,
        caption="Survives: how far all prices can move together against the account before it is "
        "liquidated, now and with the collateral added.",
    )


def _cut_table(cuts: list[dict[str, Any]]) -> Table:
    columns = (
        Column("account", "Account", brief=True),
        *_WHICH,
        Column("share", "Cut", Unit.FRACTION, brief=True),
        Column("size", "Size", Unit.NUMBER),
        Column("notional_usd", "Notional", Unit.USD, brief=True),
        Column("cost_usd", "Cost", Unit.USD, brief=True),
        Column("put_back_usd", "Put back", Unit.USD),
        Column("margin_ratio", "Ratio then", Unit.FRACTION),
    )
    return _table(
        "cuts",
        "Or cut one position, or all alike",
        columns,
        cuts,
        caption="The least that must be closed at mark; a dash where closing all of it is not "
        "enough, the rest of the line then being that of closing it all. Put back: what the venue "
        "hands back of an isolated margin, and must return to it.",
    )


def _part_table(parts: list[dict[str, Any]]) -> Table:
    columns = (
        Column("account", "Account", brief=True),
        *_WHICH,
        Column("notional_usd", "Notional", Unit.USD),
        Column("part", "Part of the ratio", Unit.FRACTION, brief=True),
        Column("marginal", "Marginal", Unit.FRACTION, brief=True),
        Column("ratio_without", "Ratio without it", Unit.FRACTION, brief=True),
    )
    return _table(
        "contributions",
        "What each position contributes to the margin ratio",
        columns,
        parts,
        caption="The parts add up to the account's ratio. Marginal: by how much the ratio falls "
        "with each position closed, at the rate of the first part of it.",
    )


def _hedges(hedges: list[dict[str, Any]]) -> Table:
    columns = (
        Column("account", "Account", brief=True),
        Column("side", "Side", brief=True),
        Column("instrument", "Instrument", brief=True),
        Column("size", "Size", Unit.NUMBER),
        Column("notional_usd", "Notional", Unit.USD, brief=True),
        Column("cost", "Cost", Unit.NUMBER),
        Column("margin_ratio", "Ratio then", Unit.FRACTION, brief=True),
        Column("move_survived", "Survives then", Unit.FRACTION, brief=True),
    )
    return _table(
        "hedges",
        "Or hedge, to survive the same move",
        columns,
        hedges,
        caption="The least order in another instrument of the book after which the account "
        "survives what it would survive with the collateral added, if all prices move together. A "
        "hedge asks for margin of its own: the ratio does not fall.",
    )


def _assumptions(margin: MarginBook) -> tuple[Assumption, ...]:
    return (
        *rule_assumptions(margin),
        Assumption(
            "Positions are closed at mark, less the taker fee and the mean impact of an order in "
            "a book thinned as when orders are forced.",
            "docs/methods/watch.md; impact law and depth as in docs/methods/cascade.md",
        ),
        Assumption(
            "Adding collateral is free of cost, but needs it to be there; a hedge moves one to one "
            "with what it hedges.",
        ),
    )
