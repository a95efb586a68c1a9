"""The room under load: reads, listeners, memory, pages; beside Dash and Streamlit pages."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.clock import table
from bench.room_clients import listen, percentile, post, read, resident

ROOT = Path(__file__).resolve().parents[1]
READS = (
    "/api/v1/check?table=accounts&format=csv",
    "/api/v1/explain?row=5",
    "/api/v1/map?asset=BTC",
    "/api/v1/stress?shock=BTC=-5%25&draws=0",
    "/api/v1/tape/concentration",
    "/api/v1/live",
    "/api/v1/live/feeds",
    "/api/v1/live/statistics",
    "/api/v1/live/tape?asset=BTC",
    "/api/v1/live/map/BTC",
    "/api/v1/live/map/BTC/shades",
    "/api/v1/books",
    "/api/v1/jobs",
    "/api/v1/rules",
    "/api/v1/openapi.json",
    "/",
)
READERS, LISTENERS, RATE = 50, 200, 100.0


def room(full: bool) -> None:
    """The room's reads, listeners, memory and pages, beside Dash and Streamlit pages."""
    with served(20_000, 0.0) as (port, _):
        _reads(port)
    seconds = 3600.0 if full else 60.0
    with served(20_000, RATE) as (port, pid):
        _listeners(port, pid, seconds)
    _pages()


@contextlib.contextmanager
def served(accounts: int, rate: float) -> Iterator[tuple[int, int]]:
    """A room in a process of its own: its port and process."""
    command = [sys.executable, "-m", "bench.room_served", str(accounts), str(rate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        try:
            until(port, "/api/v1/live/statistics")
            until(port, "/api/v1/tape/concentration")
            yield port, process.pid
        finally:
            process.terminate()


def until(port: int, path: str, seconds: float = 60.0) -> None:
    """Wait until a path is answered."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        time.sleep(0.2)
    raise SystemExit(f"nothing at {path}")


def _reads(port: int) -> None:
    rows = []
    for path in READS:
        times = asyncio.run(read(port, path, READERS))
        row = [f"{1e3 * percentile(times, s):.0f} ms" for s in (0.5, 0.95)]
        rows.append((f"GET {path}", *row, f"{1e3 * max(times):.0f} ms"))
    table(
        f"Reads, {READERS} clients at a time",
        ("", "p50", "p95", "longest"),
        rows,
        "Each client asks again as soon as it is answered, 20 times; its first is not counted.",
    )


def _listeners(port: int, pid: int, seconds: float) -> None:
    heard = asyncio.run(listen(f"http://127.0.0.1:{port}", LISTENERS, seconds, pid))
    shown = [f"{1e3 * percentile(heard.late, s):.0f} ms" for s in (0.5, 0.95, 0.999)]
    memory = heard.memory
    quarter = max(1, len(memory) // 4)
    begin, end = statistics.mean(memory[1:quarter]), statistics.mean(memory[-quarter:])
    table(
        f"{LISTENERS} listeners, {RATE:.0f} events a second to each, {seconds:.0f} s",
        ("told", "missed", "p50", "p95", "p99.9", "memory, first quarter", "last quarter"),
        [(f"{heard.events:,}", f"{heard.missed:,}", *shown, f"{begin:.1f} MB", f"{end:.1f} MB")],
        "From the server's word to the listener's parsed event; listeners share the machine.",
    )


def _pages() -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None or find_spec("playwright") is None:
        print("\nPages: chromium or playwright is not there.")
        return
    rows = []
    with served(20_000, 0.0) as (port, pid):
        asyncio.run(read(port, "/api/v1/map?asset=BTC", 1, 1))
        rows += _visited("Seawall", chromium, port, pid, {
            "Overview": ("/overview", ".tile", None),
            "Map": ("/map", "#clusters td", ".chart canvas"),
        })  # fmt: skip
    for name, pages in (
        ("Dash", {
            "Overview": ("/overview", "#tape td.dash-cell", None),
            "Map": ("/map", ".js-plotly-plot .nsewdrag", ".nsewdrag"),
        }),
        ("Streamlit", {
            "Overview": ("/", "[data-testid=stMetric]", None),
            "Map": ("/?page=map", ".js-plotly-plot .nsewdrag", ".nsewdrag"),
        }),
    ):  # fmt: skip
        if find_spec(name.lower()) is None:
            print(f"\n{name} is not installed.")
            continue
        with rival(name.lower()) as (port, pid):
            rows += _visited(name, chromium, port, pid, pages)
            if name == "Dash":
                _callbacks(port)
    table(
        "The same pages, median of 5 visits without a cache",
        ("", "first paint", "content", "sent", "frame p50", "frame p95", "server"),
        rows,
        "1600 x 900, headless, no GPU. Frames: 200 zooms by wheel over the map, one a frame.",
    )


@contextlib.contextmanager
def rival(name: str) -> Iterator[tuple[int, int]]:
    """A rival's page in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    page = str(ROOT / "bench" / "room_rivals.py")
    command = {
        "dash": [sys.executable, page, "dash", str(port)],
        "streamlit": [sys.executable, "-m", "streamlit", "run", page, "--server.port", str(port),
                      "--server.address", "127.0.0.1", "--server.headless", "true",
                      "--browser.gatherUsageStats", "false"],
    }[name]  # fmt: skip
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=ROOT, **quiet) as process:  # type: ignore[call-overload]
        try:
            until(port, "/")
            yield port, process.pid
        finally:
            process.terminate()


def _callbacks(port: int) -> None:
    """Dash's answer to what its page asks every two seconds, beside the room's statistics."""
    outputs = ["tiles.children", "bars.figure", "venues.data", "tape.data"]
    parts = [dict(zip(("id", "property"), o.split("."), strict=True)) for o in outputs]
    body = json.dumps({
        "output": ".." + "...".join(outputs) + "..", "outputs": parts,
        "inputs": [{"id": "tick", "property": "n_intervals", "value": 1}],
        "changedPropIds": ["tick.n_intervals"],
    })  # fmt: skip
    times = asyncio.run(post(port, "/_dash-update-component", body.encode(), READERS, 5))
    row = [f"{1e3 * percentile(times, s):.0f} ms" for s in (0.5, 0.95)]
    table(
        f"Dash: figures and tape of its page, {READERS} clients at a time",
        ("", "p50", "p95", "longest"),
        [("POST /_dash-update-component", *row, f"{1e3 * max(times):.0f} ms")],
    )


Page = tuple[str, str, str | None]


def _visited(
    name: str, chromium: str, port: int, pid: int, pages: dict[str, Page]
) -> list[tuple[str, ...]]:
    from playwright.sync_api import sync_playwright

    rows = []
    with sync_playwright() as engine:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = engine.chromium.launch(executable_path=chromium, args=options)
        for title, (path, ready, wheel) in pages.items():
            seen = [_visit(browser, f"http://127.0.0.1:{port}{path}", ready) for _ in range(5)]
            paint, content, sent = (statistics.median(x) for x in zip(*seen, strict=True))
            frames = ("", "")
            if wheel is not None:
                url = f"http://127.0.0.1:{port}{path}"
                spent = sorted(_zoomed(browser, url, ready, wheel))
                frames = (f"{percentile(spent, 0.5):.0f} ms", f"{percentile(spent, 0.95):.0f} ms")
            size = f"{sent / 1e3:,.0f} kB"
            server = f"{resident(pid):.0f} MB"
            rows.append(
                (f"{name}, {title}", f"{paint:.0f} ms", f"{content:.0f} ms", size, *frames, server)
            )
        browser.close()
    return rows


def _visit(browser: Any, url: str, ready: str) -> tuple[float, float, float]:
    """First paint and content, ms since the visit began, and bytes sent."""
    context = browser.new_context(viewport={"width": 1600, "height": 900})
    page = context.new_page()
    sent = [0.0]
    wire = context.new_cdp_session(page)
    wire.send("Network.enable")
    wire.on("Network.loadingFinished", lambda e: sent.append(e["encodedDataLength"]))
    page.goto(url)
    page.wait_for_selector(ready, state="attached", timeout=60_000)
    content = page.evaluate("performance.now()")
    page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    context.close()
    return paint, content, sum(sent)


_ZOOM = """(spot) => new Promise((done) => {
  const target = document.querySelector(spot), box = target.getBoundingClientRect(), spent = [];
  let k = 0, last = performance.now();
  const frame = (now) => {
    spent.push(now - last);
    last = now;
    target.dispatchEvent(new WheelEvent("wheel", { deltaY: k % 40 < 20 ? -60 : 60, bubbles: true,
      cancelable: true, clientX: box.x + box.width / 2, clientY: box.y + box.height / 3 }));
    if (++k < 200) requestAnimationFrame(frame);
    else done(spent.slice(1));
  };
  requestAnimationFrame(frame);
})"""


def _zoomed(browser: Any, url: str, ready: str, spot: str) -> list[float]:
    """Milliseconds of each frame while a map is zoomed in and out."""
    context = browser.new_context(viewport={"width": 1600, "height": 900})
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector(ready, state="attached", timeout=60_000)
    page.wait_for_timeout(1500)
    spent: list[float] = page.evaluate(_ZOOM, spot)
    context.close()
    return spent
