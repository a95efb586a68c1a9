"""Draw the room's pictures: docs/images/room-*.png of the README, or every page for a look.

Run it from the project's folder with ``python docs/images/make_room.py``. It starts the server as
``seawall serve`` does, with its recording nearly at a stand so that the pictures come out alike,
and opens its pages in Chromium by playwright. ``--all FOLDER`` writes all pages there instead, dark
and light, wide and narrow, each in its whole length, and names those that complain or are wider
than the window.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

from make import BROWSERS, MOST_BYTES, shrink
from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
STILL, LIVELY = 0.1, 20.0
"""Seconds of the recording a second."""
PATIENCE = 120_000
LEVER = quote(json.dumps({"leverage_cap": {"cap": 8}}))


@dataclass(frozen=True)
class Sight:
    """A page, the button that is pressed on it, and what is there once it is complete."""

    name: str
    path: str
    ready: str
    press: str = ""


OVERVIEW = Sight("overview", "/overview", "td.long, td.short")
MAP = Sight("map", "/map", "#clusters td.num")
STRESS = Sight("stress", "/stress?asset=BTC&shock=-15", '#stressed[data-asked*="draws=64"] svg')
README = (OVERVIEW, MAP, STRESS)
PAGES = (
    OVERVIEW,
    MAP,
    STRESS,
    Sight("simulation", "/simulation?scenario=price-jump&seed=3", "#now tbody tr", "Run"),
    Sight(
        "comparison", f"/simulation?scenario=price-jump&runs=4&levers={LEVER}",
        "#comparison svg", "Compare",
    ),
    Sight("desk", "/desk", ".sheet[data-key='odds']"),
    Sight("desk-size", "/desk?tool=size&row=1&paths=2000&asked", "#result svg"),
    Sight("desk-stop", "/desk?tool=stop&row=1&paths=2000&asked", "#result svg"),
    Sight("desk-rescue", "/desk?tool=rescue&asked", "#result .first"),
    Sight("desk-allocate", "/desk?tool=allocate&asked", "#result svg"),
    Sight("alerts", "/alerts", ".notices li time"),
    Sight("wrong", "/desk?tool=size&probability=two&asked", "#field-probability[aria-invalid]"),
)  # fmt: skip


@contextmanager
def served(pace: float) -> Iterator[str]:
    """A server of its own, until the end; gives its address."""
    command = [sys.executable, "-m", "seawall", "serve", "--port", "0", "--pace", str(pace)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            if "http" not in line:
                sys.exit("the server did not start")
            yield "http" + line.strip().partition("http")[2].rstrip("/")
        finally:
            server.terminate()


def until_ready(base: str) -> None:
    """Wait for the book to be drawn and the first statistics to be counted."""
    for path in ("map?asset=BTC", "live/statistics"):
        for _ in range(60):
            try:
                with urlopen(f"{base}/api/v1/{path}", timeout=60):  # noqa: S310
                    break
            except OSError:
                continue


def shown(page: Any, base: str, sight: Sight) -> None:
    """Open a page and wait until everything on it has come."""
    page.goto(base + sight.path)
    if sight.press:
        page.get_by_role("button", name=sight.press, exact=True).click()
    page.wait_for_selector(sight.ready, timeout=PATIENCE)
    page.wait_for_selector(".state[data-on]")
    page.wait_for_function(
        "!/Loading …|Reading the book|Asking how|being drawn/.test(document.body.innerText)",
        timeout=PATIENCE,
    )
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(700)


@contextmanager
def opened(engine: Any, width: int, height: int, scheme: str) -> Iterator[Any]:
    """An empty page of a browser that is closed at the end."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(f"no browser: none of {', '.join(BROWSERS)} is installed")
    launched = engine.chromium.launch(executable_path=browser, args=["--no-sandbox"])
    yield launched.new_page(
        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )
    launched.close()


def for_readme(engine: Any, base: str) -> None:
    """The pictures of the README: the top of three pages, dark."""
    for sight in README:
        with opened(engine, 1440, 1040, "dark") as page:
            shown(page, base, sight)
            target = HERE / f"room-{sight.name}.png"
            page.screenshot(path=target)
        if target.stat().st_size > MOST_BYTES:
            shrink(target)
        size = target.stat().st_size
        sys.stdout.write(f"{target}: {size:,} bytes\n")
        if size > MOST_BYTES:
            sys.exit(f"more than {MOST_BYTES:,} bytes")


def for_a_look(engine: Any, base: str, folder: Path, only: str) -> None:
    """Every page, dark and light, wide and narrow, and what a browser says against it."""
    folder.mkdir(parents=True, exist_ok=True)
    for scheme in ("dark", "light"):
        for width in (1440, 390):
            for sight in (s for s in PAGES if only in s.name):
                with opened(engine, width, 900, scheme) as page:
                    said: list[str] = []
                    page.on("console", lambda m, said=said: said.append(m.text))
                    page.on("pageerror", lambda e, said=said: said.append(str(e)))
                    shown(page, base, sight)
                    over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                    if over > 0:
                        said.append(f"{over} px wider than the window")
                    name = f"{sight.name}-{scheme}-{width}.png"
                    page.screenshot(path=folder / name, full_page=True)
                    sys.stdout.write(f"{name}: {'; '.join(said) or 'no complaint'}\n")


def main() -> None:
    """Start the server, open its pages, draw them."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--all", metavar="FOLDER", type=Path, help="every page, into this folder")
    options.add_argument("--only", metavar="WORD", default="", help="with --all: pages named so")
    asked = options.parse_args()
    with served(LIVELY if asked.all else STILL) as base, sync_playwright() as engine:
        until_ready(base)
        if asked.all:
            for_a_look(engine, base, asked.all, asked.only)
        else:
            for_readme(engine, base)


if __name__ == "__main__":
    main()
