from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from report_sample import sample_report

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
        opened = engine.chromium.launch(executable_path=chromium, args=CHROMIUM_OPTIONS)
        yield opened
        opened.close()


@pytest.fixture
def visit(browser: Any, report_file: Path) -> Iterator[Any]:
    """Opens the report: ``visit(width=390, scheme="dark")`` gives a :class:`Visit`."""
    contexts = []

    def open_page(width: int = 1440, scheme: str = "light", path: Path = report_file) -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, accept_downloads=True
        )
        contexts.append(context)
        visited = Visit(context.new_page())
        visited.page.on("console", lambda m: visited.complaints.append(f"console: {m.text}"))
        visited.page.on("pageerror", lambda e: visited.complaints.append(f"error: {e}"))
        visited.page.on("request", lambda r: visited.requests.append(r.url))
        visited.page.goto(path.as_uri())
        visited.page.wait_for_function("globalThis.seawall !== undefined")
        return visited

    yield open_page
    for context in contexts:
        context.close()
