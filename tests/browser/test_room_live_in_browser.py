"""The room in a real browser under hardship: a store, a huge upload, two tabs, a restart."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="seawall[room] is not installed")

from room_look import Look

from made_tapes import made_tape
from room_server import BOOK, Asker, kept_port, serving
from seawall.app.serve_command import room_of
from seawall.ingest.store.writer import StoreWriter

pytestmark = pytest.mark.browser
HUGE = 100_000_000


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("live")
    (folder / "book.csv").write_text(BOOK)
    with StoreWriter(folder / "tape") as writer:
        writer.append(made_tape(400, seed=3))
    return folder / "book.csv", folder / "tape"


@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_a_store_is_shown_in_place_of_the_recording(
    window: Any, places: tuple[Path, Path], width: int, scheme: str
) -> None:
    with serving(room_of(*places)) as asker:
        found = asker.until("/api/v1/live/statistics", lambda s: "events" in s)
        page = window(width, scheme).new_page()
        seen = Look(page, f"http://127.0.0.1:{asker.port}").at("/overview", ".tile")
        shown = seen.page.locator(".tile dd").nth(1).inner_text().split("\n")[0]
        assert int(shown.replace(",", "")) == found["events"]
        seen.page.wait_for_selector("#banner:has-text('Tape tape')")
        assert seen.page.get_by_text("bybit").count() > 0
        seen.at("/map", "#clusters td.num")
        seen.page.wait_for_selector("#banner:has-text('Tape tape')")
        assert "no" not in seen.page.locator("#banner").inner_text().split()
        assert "of book.csv at its mark" in seen.page.locator("#of").inner_text()
        assert seen.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        assert seen.complaints == []
        page.close()


def test_a_huge_upload_is_refused_and_the_page_lives(look: Any, room: Asker) -> None:
    seen = look().at("/overview", ".tile")
    told = seen.page.evaluate(
        """async (size) => {
          const reply = await fetch("/api/v1/books?name=huge.csv", { method: "POST",
            body: new Blob([new Uint8Array(size)]) }).catch((error) => ({ failed: error.message }));
          return reply.failed ? reply : { status: reply.status, said: await reply.json() };
        }""",
        HUGE,
    )
    if "failed" not in told:
        assert told["status"] == 413
        assert "64,000,000" in json.dumps(told["said"])
    # some browsers see the connection closed before the answer; the server lives in either case
    assert room("/api/v1/books").status == 200
    assert len(room("/api/v1/books").json()) == 1
    before = seen.page.locator("#window").inner_text()
    seen.until("t => document.getElementById('window').textContent !== t", arg=before)


def test_two_tabs_tell_the_same(window: Any, room: Asker) -> None:
    base, context = f"http://127.0.0.1:{room.port}", window()
    tabs = [Look(context.new_page(), base).at("/overview", ".tile") for _ in range(2)]
    script = "() => [...document.querySelectorAll('.scroll tbody tr')].map((r) => r.innerText)"
    for tab in tabs:
        tab.until("() => document.querySelectorAll('.scroll tbody tr').length > 30")

    # each shows the latest hundred of the moment at which it is asked
    def shared() -> int:
        one, other = (set(tab.page.evaluate(script)) for tab in tabs)
        return len(one & other)

    while shared() <= 30:
        tabs[0].page.wait_for_timeout(50)
    tabs[0].page.get_by_role("button", name="Pause").first.click()
    paused = tabs[0].page.evaluate(script)
    first = tabs[1].page.evaluate(script)
    tabs[1].until("t => document.querySelector('.scroll tbody tr').innerText !== t", arg=first[0])
    # what one tab is told to do holds for it alone
    assert tabs[0].page.evaluate(script)[:20] == paused[:20]
    assert tabs[0].complaints == tabs[1].complaints == []


def test_a_restart_brings_the_tape_back(window: Any, places: tuple[Path, Path]) -> None:
    with kept_port() as port:
        with serving(room_of(*places), port=port):
            seen = Look(window().new_page(), f"http://127.0.0.1:{port}")
            seen.at("/overview", ".state[data-on]")
            seen.page.wait_for_selector(".tile")
            shown = seen.page.locator(".tile dd").nth(1).inner_text()
        seen.page.wait_for_selector(".state:not([data-on])")
        more = made_tape(25, seed=8, first_id=9000, start=20_000 * 86_400_000_000_000)
        with StoreWriter(places[1]) as writer:
            writer.append(more)
        with serving(room_of(*places), port=port) as second:
            seen.page.wait_for_selector(".state[data-on]")
            words = "document.querySelectorAll('.tile dd')[1].innerText"
            seen.until(f"t => {words} !== t", arg=shown)
            found = second("/api/v1/live/statistics").json()
            number = re.match(r"[\d,]+", seen.page.locator(".tile dd").nth(1).inner_text())
            assert number is not None
            assert int(number[0].replace(",", "")) == found["events"]
            seen.page.close()
