"""The room in a real browser: numbers of the API, no complaint, nobody else asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

pytest.importorskip("fastapi", reason="seawall[room] is not installed")

from room_look import Look

from room_server import kept_port, serving
from seawall.app.serve_command import room_of
from seawall.room.security import Door

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("path", ["/overview", "/map"])
@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("width", [390, 1400, 3840])
def test_each_page_loads_without_complaint(look: Any, path: str, scheme: str, width: int) -> None:
    ready = ".tile" if path == "/overview" else "#clusters td"
    seen = look(width, scheme).at(path, ready)
    seen.page.wait_for_selector(".state[data-on]")
    assert seen.complaints == []
    assert seen.hosts == {urlsplit(seen.base).netloc}
    over = seen.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert over <= 0


def test_the_overview_shows_the_figures_that_were_told(look: Any) -> None:
    seen = look()
    frames: list[dict[str, Any]] = []
    seen.page.on(
        "websocket", lambda w: w.on("framereceived", lambda t: frames.append(json.loads(t)))
    )
    seen.at("/overview", ".tile")
    shown = seen.page.locator(".tile dd").nth(1).inner_text().split("\n")[0]
    told = [f for f in frames if f.get("topic") == "statistics"]
    events = [(f.get("snapshot") or f["events"][-1])["events"] for f in told]
    assert int(shown.replace(",", "")) in events
    rows = "document.querySelectorAll('.scroll[aria-label=Tape] tbody tr').length"
    seen.until(f"() => {rows} > 20")


def test_the_page_lives_on_after_the_server_is_gone(window: Any, book_path: Path) -> None:
    with kept_port() as port:
        with serving(room_of(book_path), port=port):
            seen = Look(window().new_page(), f"http://127.0.0.1:{port}")
            seen.at("/overview", ".state[data-on]")
            seen.page.wait_for_selector(".tile")
        seen.page.wait_for_selector(".state:not([data-on])")
        assert seen.page.locator(".tile").count() == 5
        words = "document.getElementById('window').textContent"
        before = seen.page.locator("#window").inner_text()
        with serving(room_of(book_path, pace=100.0), port=port):
            seen.page.wait_for_selector(".state[data-on]")
            seen.until(f"t => {words} !== t", arg=before)
            seen.page.close()


def test_an_address_restores_the_map(look: Any) -> None:
    seen = look().at("/map?book=run&asset=ETH&from=1763685000&to=1763690000", "#clusters td")
    assert seen.page.locator("h1").inner_text() == "ETH liquidation map"
    seen.page.select_option("#map-asset", "SOL")
    seen.until("() => document.querySelector('h1')?.textContent.startsWith('SOL')")
    assert "asset=SOL" in seen.page.url
    seen.page.evaluate("() => history.back()")
    seen.until("() => document.querySelector('h1')?.textContent.startsWith('ETH')")


def test_the_heat_and_the_makers_mark_are_there(look: Any) -> None:
    seen = look().at("/map?book=run", "#clusters td")
    seen.page.locator("#tv-attr-logo").wait_for()
    assert seen.page.locator("#tv-attr-logo").is_visible()
    # colours of the picture behind the candles, not only the paper and the candles
    seen.until(
        """() => { const c = document.querySelector('.chart canvas');
        const all = c.getContext('2d').getImageData(0, 0, c.width, c.height);
        return new Set(new Uint32Array(all.data.buffer)).size > 50; }"""
    )


def test_by_keyboard_alone(look: Any) -> None:
    seen = look().at("/overview", ".tile")
    for _ in range(4):
        seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.activeElement.dataset.page") == "map"
    seen.page.keyboard.press("Enter")
    seen.page.wait_for_selector("#clusters td")
    seen.page.select_option("#map-book", "run")
    seen.page.wait_for_selector("#now:text('simulated')")
    # a page that is opened by a link takes the focus at its end
    seen.page.locator(".chart:not([aria-busy]) canvas").first.wait_for()
    seen.page.locator(".chart").focus()
    seen.page.keyboard.press("+")
    seen.page.wait_for_url("**/map?*from=*")


def test_what_is_shown_can_be_kept(look: Any, tmp_path: Path) -> None:
    seen = look().at("/overview", ".tile")
    with seen.page.expect_download() as kept:
        seen.page.get_by_role("button", name="CSV").click()
    lines = Path(kept.value.path()).read_text().splitlines()
    assert lines[0] == "time,events,long_usd,short_usd,unseen_usd"
    assert len(lines) > 100
    with seen.page.expect_download() as kept:
        seen.page.get_by_role("button", name="PNG").click()
    assert Path(kept.value.path()).read_bytes().startswith(b"\x89PNG")


def test_a_browser_enters_with_the_token_and_keeps_no_copy_of_it(
    window: Any, book_path: Path
) -> None:
    token = "a-token-that-is-long-enough"
    context = window(scheme="light")
    with serving(room_of(book_path), Door("127.0.0.1", 0, token)) as asker:
        base, page = f"http://127.0.0.1:{asker.port}", context.new_page()
        page.goto(f"{base}/overview")
        assert page.url == f"{base}/enter"
        for given in ("not-the-token-at-all", token):
            assert not page.locator("#refused").is_visible()
            page.fill("#token", given)
            page.click("button")
            if given != token:
                page.wait_for_selector("#refused:visible")
                page.goto(f"{base}/enter")
        page.wait_for_selector(".tile")
        page.wait_for_selector(".state[data-on]")
        assert token not in page.url
        assert not [c for c in context.cookies() if token in c["value"]]
        page.close()
