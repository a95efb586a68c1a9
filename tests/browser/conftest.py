from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from report_sample import sample_report
from room_look import PATIENCE, Look

from seawall.report import Report
from seawall.report.page import write_html

CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


LONGEST = 3600
"""Seconds of one test: what does not come is found by a page's own waits, long before this."""
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser and a server beside it are slow where other work is going on."""
    for item in items:
        if item.path.parent == HERE and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(LONGEST))


@dataclass
class Visit:
    """A page opened from disk, and all it complained about or asked for."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def sample() -> Report:
    return sample_report()


@pytest.fixture(scope="session")
def report_file(sample: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_html(sample, tmp_path_factory.mktemp("report") / "stress.html")


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    """Ended with each file: until then its loop counts as running in this thread."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as engine:
        opened = engine.chromium.launch(
            executable_path=chromium, args=CHROMIUM_OPTIONS, timeout=PATIENCE
        )
        yield opened
        opened.close()


@pytest.fixture
def window(browser: Any) -> Iterator[Any]:
    """Opens windows that share nothing: ``window(390, "light", timezone_id="Asia/Tokyo")``."""
    contexts = []

    def opened(width: int = 1400, scheme: str = "dark", **more: Any) -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            accept_downloads=True,
            **more,
        )
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        return context

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def book_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small book of the room's tests."""
    from room_server import BOOK

    path = tmp_path_factory.mktemp("book") / "book.csv"
    path.write_text(BOOK)
    return path


@pytest.fixture(scope="module")
def room(book_path: Path) -> Iterator[Any]:
    """A server with the small book beside the recorded run, complete before the first page is."""
    from room_server import serving
    from seawall.app.serve_command import room_of

    with serving(room_of(book_path)) as asker:
        asker.until("/api/v1/books", lambda books: all(b["ready"] for b in books))
        asker.until("/api/v1/live/statistics", lambda s: "events" in s)
        yield asker


@pytest.fixture
def look(window: Any, room: Any) -> Any:
    """Opens pages of ``room``, or of a server by its port: ``look(390).at("/map", ".tile")``."""

    def opened(width: int = 1400, scheme: str = "dark", port: int = 0, **more: Any) -> Look:
        base = f"http://127.0.0.1:{port or room.port}"
        return Look(window(width, scheme, **more).new_page(), base)

    return opened


@pytest.fixture
def visit(window: Any, report_file: Path) -> Any:
    """Opens the report: ``visit(width=390, scheme="dark")`` gives a :class:`Visit`."""

    def open_page(width: int = 1440, scheme: str = "light", path: Path = report_file) -> Visit:
        visited = Visit(window(width, scheme).new_page())
        visited.page.on("console", lambda m: visited.complaints.append(f"console: {m.text}"))
        visited.page.on("pageerror", lambda e: visited.complaints.append(f"error: {e}"))
        visited.page.on("request", lambda r: visited.requests.append(r.url))
        visited.page.goto(path.as_uri())
        visited.page.wait_for_function("() => globalThis.seawall !== undefined")
        return visited

    return open_page
