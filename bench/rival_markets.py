"""Zero-intelligence markets of other packages, each as its authors mean it to be driven.

A script on its own: an interpreter that need not have Seawall runs it with the rival's name and
the market as JSON. Every line on its standard input is a round, answered by one line of JSON:
seconds, messages, and their mix of limit orders, cancellations and market orders.
"""

from __future__ import annotations

import atexit
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

Round = Callable[[int], dict[str, Any]]


def bourse(m: dict[str, Any]) -> Round:
    """``StepEnvNumpy``: batches of 1,000 instructions, priced from the touch before the batch.

    It knows no margin. Every order is cancelled after a lifetime drawn when it is placed; some
    have been filled by then, and count as messages all the same.
    """
    import numpy as np
    from bourse import core

    batch = 1_000
    total = m["limit_rate"] + m["market_rate"] + m["cancel_rate"] * m["resting"]
    life = total / m["cancel_rate"] / batch
    share = m["limit_rate"] / (m["limit_rate"] + m["market_rate"])
    blank = np.iinfo(np.uint64).max

    rng = np.random.default_rng(1)
    env = core.StepEnvNumpy(1, 0, 1, batch)
    due: dict[int, list[Any]] = {}
    clock = [0]

    def step() -> list[int]:
        now = clock[0]
        clock[0] += 1
        cancelled = np.concatenate(due.pop(now, [np.empty(0, np.uint64)]))
        fresh = max(batch - len(cancelled), 1)
        touch = env.level_1_data()
        bid, ask = int(touch[1]), int(touch[2])
        if bid == 0 or ask > 2 * m["start_price"]:
            bid, ask = m["start_price"] - 1, m["start_price"] + 1
        limit = rng.random(fresh) < share
        buy = rng.random(fresh) < 0.5
        offset = rng.integers(1, m["band"] + 1, fresh)
        price = np.where(buy, ask - offset, bid + offset)
        price = np.where(limit, price, np.where(buy, 2 * m["start_price"], 1))
        lots = np.where(
            limit,
            rng.integers(1, m["limit_lots"] + 1, fresh),
            rng.integers(1, m["market_lots"] + 1, fresh),
        )
        none = np.zeros(len(cancelled), np.uint32)
        ids = env.submit_instructions(
            (
                np.concatenate([np.ones(fresh, np.uint32), none + np.uint32(2)]),
                np.concatenate([buy, none.astype(bool)]),
                np.concatenate([lots.astype(np.uint32), none]),
                np.concatenate([rng.integers(0, m["agents"], fresh, dtype=np.uint32), none]),
                np.concatenate([price.astype(np.uint32), none]),
                np.concatenate([np.full(fresh, blank), cancelled]),
            )
        )
        placed = np.asarray(ids)[:fresh][limit]
        ends = now + 1 + rng.exponential(life, len(placed)).astype(np.int64)
        order = np.argsort(ends, kind="stable")
        edges = np.flatnonzero(np.diff(ends[order])) + 1
        for part in np.split(order, edges):
            due.setdefault(int(ends[part[0]]), []).append(placed[part])
        env.step()
        return [int(limit.sum()), len(cancelled), int((~limit).sum())]

    for _ in range(int(6 * life) + 2):
        step()

    def run(seed: int) -> dict[str, Any]:
        begin, counts = time.perf_counter(), [0, 0, 0]
        while sum(counts) < m["events"]:
            counts = [a + b for a, b in zip(counts, step(), strict=True)]
        return _answer(time.perf_counter() - begin, counts)

    return run


def crowdbook(m: dict[str, Any]) -> Round:
    """The ``crowdbook`` command with its own zero-intelligence traders.

    One of its traders has one range of sizes, so that limit and market orders come from two
    groups of traders. A position limit stands in for margin. The run begins with an empty book.
    """
    folder = Path(tempfile.mkdtemp(prefix="crowdbook-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    command = str(Path(sys.executable).parent / "crowdbook")
    whole = m["limit_rate"] + m["market_rate"]
    makers = max(round(m["agents"] * m["limit_rate"] / whole), 1)
    takers = max(m["agents"] - makers, 1)
    # a unit of their time in which each trader acts about once
    scale = m["agents"] / whole
    span = m["events"] / (scale * (whole + m["cancel_rate"] * m["resting"]))
    text = f"""duration = "1s"
reference_price = {m["start_price"]}
[[agents]]
type = "zero_intelligence"
name = "makers"
count = {makers}
limit_rate = {m["limit_rate"] * scale / makers}
market_rate = 0.0
cancel_rate = {m["cancel_rate"] * scale}
max_offset = {m["band"]}
min_size = 1
max_size = {m["limit_lots"]}
account = {{ max_position = {m["affordable_lots"]} }}
[[agents]]
type = "zero_intelligence"
name = "takers"
count = {takers}
limit_rate = 0.0
market_rate = {m["market_rate"] * scale / takers}
cancel_rate = 0.0
max_offset = {m["band"]}
min_size = 1
max_size = {m["market_lots"]}
account = {{ max_position = {m["affordable_lots"]} }}
"""
    scenario = folder / "market.toml"
    scenario.write_text(text)

    run_it = [command, "run", str(scenario), "--seed", "1", "--duration", f"{span:f}s"]

    def counted() -> list[int]:
        log = folder / "log.csv"
        more = ["--log", str(log), "--log-only", "new,cancel"]
        subprocess.run([*run_it, *more], check=True, capture_output=True)
        counts = [0, 0, 0]
        with log.open() as file:
            for line in file:
                if ",cancel," in line:
                    counts[1] += 1
                elif ",limit," in line:
                    counts[0] += 1
                elif ",market," in line:
                    counts[2] += 1
        log.unlink()
        return counts

    # the same seed sends the same messages, so that counting them costs no round any time
    sent = counted()

    def run(seed: int) -> dict[str, Any]:
        begin = time.perf_counter()
        subprocess.run(run_it, check=True, capture_output=True)
        return _answer(time.perf_counter() - begin, sent)

    return run


def pams(m: dict[str, Any]) -> Round:
    """``SequentialRunner`` with an agent class of the market's rules.

    In each of its steps a tenth of the agents are asked, so that shuffling them all is shared. An
    agent cancels orders of its own. It knows no margin. The book starts with its resting orders,
    laid by the first agents asked.
    """
    from pams.agents import Agent
    from pams.order import LIMIT_ORDER, MARKET_ORDER, Cancel, Order
    from pams.runners import SequentialRunner

    counts = [0, 0, 0]
    placed = [0]
    started: list[float] = []
    each = m["cancel_rate"] * m["agents"]

    class Trader(Agent):
        def submit_orders(self, markets: Any) -> list[Any]:
            market, draw = markets[0], self.prng
            if placed[0] < m["resting"]:
                return [self.limit(market, m["start_price"] - 1, m["start_price"] + 1)]
            if not started:
                started.append(time.perf_counter())
                counts[:] = 0, 0, 0
            mine = [o for o in self.__dict__.get("resting", ()) if o.volume > 0]
            pick = draw.random() * (m["limit_rate"] + m["market_rate"] + each * len(mine))
            if pick < m["limit_rate"]:
                bid = market.get_best_buy_price() or m["start_price"] - 1
                ask = market.get_best_sell_price() or m["start_price"] + 1
                return [self.limit(market, bid, ask)]
            if pick < m["limit_rate"] + m["market_rate"]:
                counts[2] += 1
                return [
                    Order(
                        agent_id=self.agent_id,
                        market_id=market.market_id,
                        is_buy=draw.random() < 0.5,
                        kind=MARKET_ORDER,
                        volume=draw.randint(1, m["market_lots"]),
                        # else what finds nothing would stay in the book
                        ttl=1,
                    )
                ]
            counts[1] += 1
            order = mine.pop(draw.randrange(len(mine)))
            self.__dict__["resting"] = mine
            return [Cancel(order=order)]

        def limit(self, market: Any, bid: float, ask: float) -> Any:
            draw = self.prng
            buy = draw.random() < 0.5
            offset = draw.randint(1, m["band"])
            order = Order(
                agent_id=self.agent_id,
                market_id=market.market_id,
                is_buy=buy,
                kind=LIMIT_ORDER,
                volume=draw.randint(1, m["limit_lots"]),
                price=ask - offset if buy else bid + offset,
            )
            counts[0] += 1
            placed[0] += 1
            self.__dict__.setdefault("resting", []).append(order)
            return order

    return _pams_round(m, Trader, SequentialRunner, counts, placed, started)


def _pams_round(
    m: dict[str, Any],
    trader: Any,
    runner_class: Any,
    counts: list[int],
    placed: list[int],
    started: list[float],
) -> Round:
    a_step = max(m["agents"] // 10, 1)

    def run(seed: int) -> dict[str, Any]:
        placed[0] = 0
        started.clear()
        session = {
            "sessionName": 0,
            "iterationSteps": -(-(m["resting"] + m["events"]) // a_step) + 1,
            "withOrderPlacement": True,
            "withOrderExecution": True,
            "withPrint": False,
            "maxNormalOrders": a_step,
        }
        settings = {
            "simulation": {"markets": ["M"], "agents": ["A"], "sessions": [session]},
            "M": {"class": "Market", "tickSize": 1, "marketPrice": m["start_price"]},
            "A": {
                "class": trader.__name__,
                "numAgents": m["agents"],
                "markets": ["M"],
                "assetVolume": 0,
                "cashAmount": 0,
            },
        }
        runner = runner_class(settings=settings, prng=random.Random(seed), logger=None)
        runner.class_register(trader)
        runner._setup()
        runner._run()
        return _answer(time.perf_counter() - started[0], counts)

    return run


def _answer(seconds: float, counts: list[int]) -> dict[str, Any]:
    total = sum(counts)
    return {"seconds": seconds, "messages": total, "mix": [c / total for c in counts]}


MARKETS = {"bourse": bourse, "crowdbook-engine": crowdbook, "pams": pams}
MODULES = {"bourse": "bourse", "crowdbook-engine": "crowdbook_learn", "pams": "pams"}


def main() -> int:
    """Answer every line with a round; ``installed?`` instead of a market only asks."""
    name, market = sys.argv[1:]
    if find_spec(MODULES[name]) is None:
        return 1
    if market == "installed?":
        return 0
    run = MARKETS[name](json.loads(market))
    for seed, _ in enumerate(sys.stdin, start=1):
        print(json.dumps(run(seed)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
