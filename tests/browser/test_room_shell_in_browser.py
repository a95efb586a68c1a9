"""The room's shell in a real browser: links, addresses, and a server that is not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

pytest.importorskip("fastapi", reason="seawall[room] is not installed")

from room_look import Look

from room_server import Asker, serving
from seawall.app.serve_command import room_of

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("path", "ready"), [("/stress?draws=0", "#stressed .tile"), ("/desk", ".shown .sheet")]
)
def test_the_same_as_json_opens_beside_the_page(look: Any, path: str, ready: str) -> None:
    seen = look().at(path, ready)
    seen.page.locator("details.ground summary").first.click()
    with seen.page.context.expect_page() as beside:
        seen.page.get_by_role("link", name="The same as JSON").first.click()
    beside.value.wait_for_load_state()
    assert "/api/v1/" in beside.value.url
    assert '"schema":"seawall.' in beside.value.content().replace(" ", "")
    assert urlsplit(seen.page.url).path == urlsplit(path).path
    assert seen.page.locator(ready).count() > 0


def test_an_address_without_a_page_leads_to_the_pages(look: Any, room: Asker) -> None:
    asked = room("/nonsense", headers={"accept": "text/html,*/*;q=0.8"})
    assert asked.status == 404
    assert asked.headers["content-type"].startswith("text/html")
    assert room("/nonsense").headers["content-type"] == "application/problem+json"
    assert room("/api/v1/nonsense", headers={"accept": "text/html"}).json()["status"] == 404
    seen = look()
    seen.page.goto(seen.base + "/nonsense")
    seen.page.wait_for_selector("h1:text('There is no such page')")
    seen.page.locator("main").get_by_role("link", name="Map", exact=True).click()
    seen.page.wait_for_selector("#clusters td.num")


def test_a_server_that_is_gone_is_told_in_words(window: Any, book_path: Path) -> None:
    with serving(room_of(book_path)) as asker:
        asker.until("/api/v1/books", lambda b: b[0]["ready"])
        seen = Look(window().new_page(), f"http://127.0.0.1:{asker.port}")
        seen.at("/stress?draws=0", "#stressed .tile")
    seen.page.wait_for_selector(".state:not([data-on])")
    seen.page.fill("#percent", "-31")
    seen.page.keyboard.press("Tab")
    alert = seen.page.locator("#stressed [role=alert]")
    alert.wait_for()
    assert "The server does not answer" in alert.inner_text()
    assert "Failed to fetch" not in seen.page.locator("main").inner_text()
    seen.page.locator("nav a[data-page=alerts]").click()
    seen.page.get_by_text("does not answer").first.wait_for()


def visible(seen: Look, selector: str) -> list[bool]:
    """Whether each of some cells lies within the screen's width."""
    found: list[bool] = seen.page.evaluate(
        """s => [...document.querySelectorAll(s)].map((c) => { const r = c.getBoundingClientRect();
        return r.width > 0 && r.left >= 0 && r.right <= innerWidth; })""",
        selector,
    )
    return found


def test_a_phone_shows_the_key_figures(look: Any, room: Asker) -> None:
    seen = look(390).at("/overview", ".scroll[aria-label=Tape] tbody td.num")
    seen.page.wait_for_selector(".scroll[aria-label=Feeds] tbody td.num:not(.wide-only)")
    seen.page.wait_for_selector(".state[data-on]")
    assert seen.page.locator("#state").inner_text() == "live"
    for column in (5, 6):
        cells = visible(seen, f".scroll[aria-label=Tape] tbody td:nth-child({column})")
        assert cells
        assert all(cells)
    venue = seen.page.locator(".scroll[aria-label=Tape] tbody td:nth-child(3) small").first
    assert venue.is_visible()
    feeds = visible(seen, ".scroll[aria-label=Feeds] tbody td:not(.wide-only)")
    assert feeds
    assert all(feeds)
    seen.at("/desk", ".sheet[data-key=positions] td")
    known = seen.page.evaluate(
        "() => [...document.querySelectorAll('.sheet[data-key=positions] tbody tr:first-child td')]"
        ".filter(c => c.getBoundingClientRect().width).map(c => c.dataset.label)"
    )
    assert "Liquidated at" in known
    assert all(visible(seen, ".sheet[data-key=positions] td[data-label='Liquidated at']"))
    seen.at("/alerts", "main h1")
    assert visible(seen, "nav a[aria-current]") == [True]


def test_words_are_large_on_a_large_screen(look: Any) -> None:
    seen = look(3840).at("/stress?draws=0", "#stressed .figure svg text")
    drawn = seen.page.evaluate(
        """() => Math.min(...[...document.querySelectorAll('#stressed .figure svg text')]
        .filter((t) => t.textContent.trim() && t.getBoundingClientRect().height)
        .map((t) => t.getBoundingClientRect().height))"""
    )
    assert drawn >= 17
    seen.at("/map", "#clusters td.num")
    assert float(seen.page.evaluate("parseFloat(getComputedStyle(document.querySelector("
                                    "'.legend')).fontSize)")) >= 16  # fmt: skip
