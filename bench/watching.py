"""The watch: from a mark received to an alert taken by a service, with 1,000 accounts."""

from __future__ import annotations

import asyncio
import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.clock import medians, table
from seawall.desk.rescue import Goal
from seawall.desk.watch.channels import Channel, Message, open_channels
from seawall.desk.watch.levels import Thresholds
from seawall.desk.watch.watched import Mark, Watched
from seawall.desk.watch.watcher import Watcher
from seawall.ingest import read_book
from seawall.report.desk_watch import body_of, is_grave, title_of
from seawall.rulebook import bind

ASSETS = {"BTC": 86_600.0, "ETH": 2_830.0, "SOL": 132.0}
VENUES = ("binance", "bybit", "okx", "hyperliquid")
SERVICE = """
import http.server
class Taker(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Taker)
print(server.server_port, flush=True)
server.serve_forever()
"""


def book_of(accounts: int, seed: int = 5) -> Path:
    """A book of cross accounts of three positions each, levered 3 to 40 times."""
    chance = np.random.default_rng(seed)
    path = Path(tempfile.mkstemp(suffix=".csv")[1])
    head = (
        "account venue instrument size entry_price mark_price margin_mode leverage wallet_balance"
    )
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(head.split())
        for k in range(accounts):
            wallet = float(np.exp(chance.normal(9.0, 1.5)))
            levered = float(np.exp(chance.uniform(np.log(3.0), np.log(40.0))))
            side = 1.0 if chance.random() < 0.6 else -1.0
            for asset, price in ASSETS.items():
                usd = wallet * levered / len(ASSETS) * side
                name = f"{asset}-USDT-SWAP" if k % 4 == 2 else f"{asset}USDT"
                name = asset if k % 4 == 3 else name
                lot = {"BTC": 0.01, "ETH": 0.1, "SOL": 1.0}[asset] if k % 4 == 2 else 1.0
                size = usd / price / lot
                out.writerow(
                    [f"a{k}", VENUES[k % 4], name, size, price, price, "cross", 20, wallet]
                )
    return path


class Walk:
    """A feed whose three prices walk, a mark of all at each turn."""

    live = True

    def __init__(self, turns: int, rate: float, daily: float, seed: int = 7):
        self._turns, self._pause = turns, 1.0 / rate
        self._chance = np.random.default_rng(seed)
        self._step = daily
        self.spent: list[int] = []

    async def run(self, take) -> None:
        logs = np.zeros(len(ASSETS))
        for _ in range(self._turns):
            shared = self._chance.normal(0.0, self._step)
            logs += shared + self._chance.normal(0.0, 0.3 * self._step, len(ASSETS))
            now = np.exp(logs) * list(ASSETS.values())
            begun = time.perf_counter_ns()
            take([Mark("", a, float(p)) for a, p in zip(ASSETS, now, strict=True)], begun)
            self.spent.append(time.perf_counter_ns() - begun)
            await asyncio.sleep(self._pause)


class Fall:
    """A feed of one mark: everything falls at once."""

    live = True

    def __init__(self, by: float):
        self._by = by

    async def run(self, take) -> None:
        await asyncio.sleep(1.0)
        take([Mark("", a, p * (1.0 - self._by)) for a, p in ASSETS.items()], time.perf_counter_ns())
        await asyncio.sleep(2.0)


def watch_run(watched: Watched, feed, channels: tuple[Channel, ...]) -> Watcher:
    """Watch a feed to its end, its notices sent as the command sends them."""

    def tell(notices, received: int) -> None:
        message = Message(title_of(notices), body_of(notices), is_grave(notices), received)
        for channel in channels:
            channel.tell(message)

    async def run() -> Watcher:
        goal = Goal(0.5, watched.thresholds.moves[0])
        watcher = Watcher(watched, [feed], tell, goal=goal)
        await watcher.run()
        return watcher

    return asyncio.run(run())


def _at(values: list[int], share: float) -> str:
    ordered = sorted(values)
    return f"{ordered[int(share * (len(ordered) - 1))] / 1e6:.1f} ms" if ordered else "–"


def watch(full: bool = False) -> None:
    """from a mark received to an alert sent, 1,000 watched accounts"""
    accounts, turns = 1_000, 3_000 if full else 600
    margin = bind(read_book(book_of(accounts)))
    service = subprocess.Popen([sys.executable, "-c", SERVICE], stdout=subprocess.PIPE, text=True)
    assert service.stdout is not None
    address = f"json://127.0.0.1:{int(service.stdout.readline())}"
    rows = []
    try:
        warm = open_channels([address])
        watch_run(Watched(margin, Thresholds()), Fall(0.02), warm)
        for name, feed in (
            (f"{turns:,} marks of three coins, 50 a second", Walk(turns, 50.0, 0.001)),
            ("one mark: all fall by 5%", Fall(0.05)),
            ("one mark: all fall by 15%", Fall(0.15)),
        ):
            (channel,) = open_channels([address])
            done = watch_run(Watched(margin, Thresholds()), feed, (channel,))
            channel.close(10.0)
            ns = list(channel.counts.nanoseconds)
            rows.append(
                (
                    name,
                    f"{done.tally.warnings:,}",
                    f"{channel.counts.sent:,}",
                    _at(ns, 0.5),
                    _at(ns, 0.99),
                    _at(ns, 1.0),
                    f"{channel.counts.failed}",
                )
            )
        for channel in warm:
            channel.close(1.0)
    finally:
        service.terminate()
        service.wait()
    table(
        f"From a mark received to an alert taken, {accounts:,} cross accounts of three positions",
        ("marks", "warnings", "alerts", "median", "p99", "worst", "failed"),
        rows,
        "Goal: p99 under 50 ms. An alert holds every account that one mark brings to a new level, "
        "with the ways back of each; it is sent through apprise (`json://`) to a service of "
        "another process on the loopback, and counts when that has answered.",
    )
    quiet = Watched(margin, Thresholds())
    quiet.judge()
    spent = medians({"judge": quiet.judge})["judge"]
    print(f"\nJudging all accounts at a mark: {spent * 1e6:,.0f} µs")
