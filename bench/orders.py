"""The zero-intelligence market: ours, margin and all, beside markets that others ship."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np

from bench.clock import duration, medians, rate, table
from seawall.liquidity.messages import CANCEL, LIMIT, MARKET, Messages
from seawall.liquidity.orderbook import OrderBook
from seawall.sim.zero_intelligence import ZeroIntelligenceMarket
from seawall.sim.zero_rules import ZeroIntelligenceRules

HERE = Path(__file__).parent
SIZES = (1_000, 10_000, 100_000)
PREPARED = 80
"""Events an agent before the first that is timed: until positions are large enough for margin."""
EVENTS = 1_000_000
# events a round by agents, so that a round takes seconds; what is not there takes too long
RIVALS = {
    "bourse": ({1_000: 400_000, 10_000: 400_000, 100_000: 400_000}, "Rust, numpy batches of 1,000"),
    "crowdbook-engine": (
        {1_000: 1_000_000, 10_000: 1_000_000, 100_000: 2_000_000},
        "C++, position limit",
    ),
    "pams": ({1_000: 2_000}, "Python"),
}
SLOW = {"pams": {10_000: 1_000}}
ROUNDS = 5


class Rival:
    """A rival's market in an interpreter that has it: told to run, it says how long it took."""

    def __init__(self, name: str, python: str, rules: ZeroIntelligenceRules, events: int):
        market = {
            "agents": rules.agents,
            "resting": rules.orders_resting,
            "limit_rate": rules.limit_rate,
            "market_rate": rules.market_rate,
            "cancel_rate": rules.cancel_rate,
            "band": rules.band,
            "limit_lots": rules.limit_lots,
            "market_lots": rules.market_lots,
            "start_price": rules.start_price,
            "affordable_lots": rules.affordable_lots,
            "events": events,
        }
        self.worker = subprocess.Popen(
            [python, str(HERE / "rival_markets.py"), name, json.dumps(market)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.spent: list[float] = []
        self.last: dict[str, float] = {}

    def run(self) -> bool:
        """One round. False if the rival failed."""
        assert self.worker.stdin is not None
        assert self.worker.stdout is not None
        try:
            self.worker.stdin.write("run\n")
            self.worker.stdin.flush()
            line = self.worker.stdout.readline()
        except BrokenPipeError:
            line = ""
        if line:
            self.last = json.loads(line)
            self.spent.append(self.last["seconds"] / self.last["messages"])
        return bool(line)

    def close(self) -> None:
        """End its process."""
        assert self.worker.stdin is not None
        self.worker.stdin.close()
        self.worker.wait()


def interpreters() -> list[str]:
    """Interpreters that may have a rival: ours, ``$SEAWALL_RIVALS``, ``.venv-orders``."""
    named = os.environ.get("SEAWALL_RIVALS", str(HERE.parent / ".venv-orders" / "bin" / "python"))
    return [sys.executable, *([named] if Path(named).exists() else [])]


def _found(name: str) -> str | None:
    for python in interpreters():
        asked = [python, str(HERE / "rival_markets.py"), name, "installed?"]
        if subprocess.run(asked, capture_output=True, check=False).returncode == 0:
            return python
    return None


def orders(full: bool) -> None:
    """Order events a second of a zero-intelligence market, beside PAMS, bourse and crowdbook."""
    pythons = {name: _found(name) for name in RIVALS}
    rows = []
    for agents in SIZES:
        rows += _market_rows(ZeroIntelligenceRules(agents=agents), pythons, full)
    missing = [name for name, python in pythons.items() if python is None]
    table(
        "Zero-intelligence market (order events a second, one thread)",
        ("market", "agents", "events/s", "add/cancel/market", "note", "ours is"),
        rows,
        "As many orders rest as there are agents."
        + (f" Not installed, left out: {', '.join(missing)}." if missing else ""),
    )
    _collapse()
    _replay()


def _market_rows(
    rules: ZeroIntelligenceRules, pythons: dict[str, str | None], full: bool
) -> list[tuple[str, ...]]:
    size = rules.agents
    rivals = {}
    for name, python in pythons.items():
        events = RIVALS[name][0] | (SLOW.get(name, {}) if full else {})
        if python is not None and size in events:
            rivals[name] = Rival(name, python, rules, events[size])
    ours: dict[str, object] = {}
    spent = []
    # rounds of all take turns; the first warms up and is not counted
    for seed in range(ROUNDS + 1):
        spent.append(_own_round(rules, seed, ours))
        for name in list(rivals):
            if not rivals[name].run():
                print(f"{name} failed at {size:,} agents and is left out")
                rivals.pop(name).close()
    mine = float(np.median(spent[1:]))
    head = f"{size:,}"
    lines = [("seawall", head, rate(1 / mine), str(ours["mix"]), str(ours["note"]), "")]
    for name, rival in rivals.items():
        theirs = float(np.median(rival.spent[1:]))
        mix = "/".join(f"{100 * x:.0f}" for x in rival.last["mix"])
        lines.append((name, head, rate(1 / theirs), mix, RIVALS[name][1], f"{theirs / mine:,.2g}x"))
        rival.close()
    return lines


def _own_round(rules: ZeroIntelligenceRules, seed: int, out: dict[str, object]) -> float:
    """Seconds an event, from a settled market on; what happened goes to ``out``."""
    market = ZeroIntelligenceMarket(rules, seed).settle()
    market.run(PREPARED * rules.agents)
    begin = perf_counter()
    t = market.run(EVENTS)
    spent = perf_counter() - begin
    market.check()
    adds, takes = t.added + t.add_refused, t.markets + t.market_refused
    out["mix"] = "/".join(f"{100 * x / EVENTS:.0f}" for x in (adds, t.cancelled, takes))
    refused = (t.add_refused + t.market_refused) / EVENTS
    out["note"] = f"margin: {refused:.1%} refused, {t.liquidations:,} liquidated"
    return spent / EVENTS


def _collapse() -> None:
    """A book too thin for what its agents hold: how long everybody's end takes."""
    market = ZeroIntelligenceMarket(ZeroIntelligenceRules(agents=100_000, resting=10_000), 1)
    market.settle()
    rows = []
    for _ in range(8):
        before = market.mark
        begin = perf_counter()
        t = market.run(EVENTS)
        spent = perf_counter() - begin
        market.check()
        rows.append(
            (
                f"{before:,} to {market.mark:,}",
                rate(EVENTS / spent),
                f"{t.fills:,}",
                f"{t.liquidations:,}",
                f"{t.rechecked:,}",
            )
        )
    table(
        "100,000 agents on a book of 10,000 orders: a million events at a time, once",
        ("mark", "events/s", "fills", "liquidations", "agents judged"),
        rows,
        "Events are those drawn at random; liquidation orders come on top.",
    )


def _replay() -> None:
    table_of = _messages(1_000_000)

    def book() -> OrderBook:
        return OrderBook(20_000, 1 << 20)

    calls: dict[str, Callable[[], object]] = {
        "without fills": lambda: book().replay(table_of, record=False),
        "with every fill": lambda: book().replay(table_of),
    }
    spent = medians(calls, 5)
    rows = [(k, rate(1e6 / s), duration(s)) for k, s in spent.items()]
    table(
        "OrderBook.replay of 1,000,000 messages, 60/30/10",
        ("", "messages/s", "time"),
        rows,
        "Checking every message is part of the time.",
    )


def _messages(n: int) -> Messages:
    rng = np.random.default_rng(7)
    kind = rng.choice([LIMIT, CANCEL, MARKET], n, p=[0.6, 0.3, 0.1])
    side = rng.choice([-1, 1], n)
    price = 10_000 - side * rng.integers(1, 101, n)
    size = np.where(kind == MARKET, rng.integers(1, 33, n), rng.integers(1, 11, n))
    latest = np.cumsum(kind == LIMIT) - 1
    reference = np.maximum(latest - rng.integers(0, 2_000, n), 0)
    return Messages(kind, side, price, size, rng.integers(0, 1_000, n), reference)
