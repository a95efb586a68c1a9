"""A small book on disk, and a server that opened with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

LONGEST = 3600
"""Seconds of one test: what hangs is found by its own waits, long before this."""
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A server is slow where other work is going on."""
    for item in items:
        if item.path.parent == HERE and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(LONGEST))


if TYPE_CHECKING:
    from room_server import Asker

pytest.importorskip("fastapi", reason="seawall[room] is not installed")
pytest.importorskip("litecharts", reason="seawall[room] is not installed")


@pytest.fixture(scope="session")
def book_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from room_server import BOOK

    path = tmp_path_factory.mktemp("book") / "book.csv"
    path.write_text(BOOK)
    return path


@pytest.fixture(scope="module")
def ask(book_file: Path) -> Iterator[Asker]:
    from room_server import serving
    from seawall.app.serve_command import room_of

    # slow enough that the recording does not start over while a file of tests goes on
    with serving(room_of(book_file, pace=2.0)) as asker:
        asker.until("/api/v1/books", lambda b: b[0]["ready"])
        yield asker
