"""The stress slider: how soon a moved slider has its sums, and its whole answer."""

from __future__ import annotations

import http.client
import subprocess
import sys
import time
from statistics import median
from urllib.parse import quote

from bench.clock import duration, table
from bench.room_clients import percentile

POSITIONS = [f"-{k / 2:g}%" for k in range(1, 61)]


def slider(full: bool) -> None:
    """the stress page's slider over 60 positions, by size of the book"""
    rows = []
    for accounts in (50_000, 122_919, 500_000) if full else (50_000,):
        served = [sys.executable, "-m", "bench.room_served", str(accounts), "0"]
        server = subprocess.Popen(served, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            rows += _asked(int(server.stdout.readline()), accounts)
        finally:
            server.terminate()
            server.wait(20)
    table(
        "The stress slider, 60 positions from -0.5% to -30%",
        ("accounts", "asked", "median", "p95", "worst"),
        rows,
        "Over HTTP, packed, one question after the other. The ladder is asked once and gives the "
        "sums of every position; a whole answer has everything on the page but the bands.",
    )


def _asked(port: int, accounts: int) -> list[tuple[str, ...]]:
    size = f"{accounts:,}"
    shown = f"/api/v1/shown/stress?draws=0&shock={quote('BTC=')}"
    first = _get(port, shown + quote("-10%"))
    steps = quote(",".join(f"{k / 2:g}%" for k in range(1, 121)))
    ladder = _get(port, f"/api/v1/stress?draws=0&shock={quote('BTC=-10%')}&ladder={steps}")
    rows: list[tuple[str, ...]] = [
        (size, "the first answer: the book laid out", duration(first), "", ""),
        (size, "sums of all 120 positions down", duration(ladder), "", ""),
    ]
    for words in ("a position not asked before", "a position asked before"):
        spent = [_get(port, shown + quote(p)) for p in POSITIONS]
        p95 = percentile(spent, 0.95)
        rows.append((size, words, duration(median(spent)), duration(p95), duration(max(spent))))
    return rows


def _get(port: int, path: str) -> float:
    """Seconds of one answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    begin = time.perf_counter()
    connection.request("GET", path, headers={"accept-encoding": "gzip"})
    reply = connection.getresponse()
    body = reply.read()
    spent = time.perf_counter() - begin
    connection.close()
    assert reply.status == 200, body[:300]
    return spent
