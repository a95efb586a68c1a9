"""The room in a real browser where answers come late, fail, or come for a page that was left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

pytest.importorskip("fastapi", reason="seawall[room] is not installed")

from room_look import Look
from tests.unit.desk.desk_books import made_candles, written

from room_server import BOOK, Asker, kept_port, serving
from seawall.app.serve_command import room_of

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("late")
    (made / "book.csv").write_text(BOOK)
    written(made_candles(("BTC", "ETH"), 800), made / "candles.csv")
    return made


ROWS = "document.querySelectorAll('.scroll[aria-label=Tape] tbody td.num').length"
TAPE = "() => document.querySelector('.scroll[aria-label=Tape] tbody').textContent"


class Held:
    """Requests that are kept back until they are let go."""

    def __init__(self, page: Any, pattern: str, method: str = "GET"):
        self.page, self.kept, self.free = page, [], False
        self.method = method
        page.route(pattern, self._take)

    def _take(self, route: Any) -> None:
        if self.free or route.request.method != self.method:
            route.continue_()
        else:
            self.kept.append(route)

    def until_asked(self) -> None:
        while not self.kept:
            self.page.wait_for_timeout(20)

    def let_go(self, answer: Any = None) -> None:
        """Let all go on, or answer them, and wait until the page has heard the first answer."""
        self.free = True
        first = self.kept[0].request
        with self.page.expect_event("requestfinished", lambda r: r == first):
            for route in self.kept:
                route.continue_() if answer is None else route.fulfill(json=answer)
        # what the page does with it is done before the next task but one
        self.page.evaluate("() => new Promise((done) => setTimeout(() => setTimeout(done)))")


def undrawn(seen: Look, room: Asker) -> list[bool]:
    """Have the server say that its book is still being drawn, until the list says otherwise."""
    books, drawn = room("/api/v1/books").json(), [False]
    waiting = [{**b, "ready": False, "assets": [], "positions": None} for b in books]
    seen.page.route(
        "**/api/v1/books", lambda r: r.continue_() if drawn[0] else r.fulfill(json=waiting)
    )
    return drawn


@pytest.mark.parametrize(
    ("path", "ready"),
    [("/map?book=default", "#clusters td.num"), ("/stress?draws=0", "#stressed .tile")],
)
def test_a_book_that_is_still_being_drawn_is_waited_for(
    look: Any, room: Asker, path: str, ready: str
) -> None:
    seen = look()
    drawn = undrawn(seen, room)
    seen.at(path, "main :text('The book is being drawn')")
    drawn[0] = True
    seen.page.wait_for_selector(ready)
    assert seen.page.get_by_text("The book is being drawn").count() == 0
    assert seen.complaints == []


@pytest.mark.parametrize("path", ["/map?book=default", "/stress"])
def test_a_page_that_waits_for_its_book_can_be_left(look: Any, room: Asker, path: str) -> None:
    seen = look()
    undrawn(seen, room)
    seen.at(path, "main :text('The book is being drawn')")
    seen.page.locator("nav a[data-page=alerts]").click()
    seen.page.wait_for_selector("h1:text('Alerts')")
    assert seen.complaints == []


def test_a_tape_that_was_not_answered_is_asked_for_again(look: Any) -> None:
    seen, broken = look(), [True]
    seen.page.route(
        "**/api/v1/live/tape*", lambda r: r.fulfill(status=503) if broken[0] else r.continue_()
    )
    seen.at("/overview", ".scroll[aria-label=Tape] :text('Earlier ones are missing')")
    # what comes over the line is shown meanwhile
    seen.until(f"() => {ROWS} > 0")
    broken[0] = False
    seen.until(f"() => !({TAPE})().includes('Earlier ones') && {ROWS} > 40")
    before = seen.page.evaluate(TAPE)
    seen.until(f"t => ({TAPE})() !== t", arg=before)


def test_what_is_paused_is_not_drawn_anew_by_an_answer_that_comes_late(look: Any) -> None:
    seen, lines = look(), []
    seen.page.route_web_socket("**/ws", lambda line: (line.connect_to_server(), lines.append(line)))
    seen.at("/overview", ".tile")
    seen.until(f"() => {ROWS} > 40")
    held = Held(seen.page, "**/api/v1/live/tape*")
    # the line tells of a gap, the page asks, and the reader pauses before it is answered
    last = 10**9
    lines[0].send(json.dumps({"topic": "tape", "last": last, "snapshot": []}))
    held.until_asked()
    seen.page.get_by_role("button", name="Pause").click()
    paused = seen.page.evaluate(TAPE)
    held.let_go(answer=[])
    assert seen.page.evaluate(TAPE) == paused
    seen.page.get_by_role("button", name="Go on").click()
    seen.until(f"t => ({TAPE})() !== t", arg=paused)


def test_an_answer_for_a_page_that_was_left_harms_nobody(look: Any) -> None:
    seen = look()
    held = Held(seen.page, "**/api/v1/tape/concentration")
    seen.at("/overview", ".tile")
    held.until_asked()
    seen.page.locator("nav a[data-page=alerts]").click()
    seen.page.wait_for_selector("h1:text('Alerts')")
    held.let_go()
    assert seen.complaints == []


def test_a_book_that_was_read_when_its_page_was_left_fetches_nobody_back(
    look: Any, book_path: Path
) -> None:
    seen = look().at("/stress?draws=0", "#stressed .tile")
    held = Held(seen.page, "**/api/v1/books?*", "POST")
    seen.page.set_input_files("input[type=file]", str(book_path))
    held.until_asked()
    seen.page.locator("nav a[data-page=alerts]").click()
    seen.page.wait_for_selector("h1:text('Alerts')")
    held.let_go()
    assert urlsplit(seen.page.url).path == "/alerts"
    assert seen.page.locator("h1").inner_text() == "Alerts"


def test_a_book_that_was_read_beside_another_tool_is_shown_beside_it(
    look: Any, book_path: Path
) -> None:
    seen = look().at("/desk", "#field-row")
    held = Held(seen.page, "**/api/v1/books?*", "POST")
    seen.page.set_input_files("input[aria-label='Send positions']", str(book_path))
    held.until_asked()
    seen.page.locator("[data-tool=rescue]").click()
    seen.page.wait_for_selector("[data-tool=rescue][aria-pressed=true]")
    held.let_go()
    seen.until(
        "() => { const now = new URLSearchParams(location.search);"
        " return now.get('book') !== 'default' && now.get('tool') === 'rescue'"
        " && document.getElementById('pick-book')?.value === now.get('book'); }"
    )


def test_two_clicks_are_one_run(look: Any) -> None:
    seen, posted = look().at("/simulation?scenario=price-jump", "#lever-leverage_cap"), []
    seen.page.on("request", lambda r: posted.append(r.url) if r.method == "POST" else None)
    seen.page.get_by_role("button", name="Run", exact=True).dblclick()
    seen.page.wait_for_selector("#now tbody tr")
    assert len(posted) == 1


def test_a_run_that_is_told_late_does_not_write_another_pages_address(look: Any) -> None:
    seen = look().at("/simulation?scenario=price-jump&seed=7", "#lever-leverage_cap")
    seen.page.locator("nav a[data-page=simulation]").click()
    seen.until("() => document.getElementById('seed')?.value === '0'")
    held = Held(seen.page, "**/api/v1/jobs/*/shown")
    seen.page.get_by_role("button", name="Run", exact=True).click()
    held.until_asked()
    seen.page.evaluate("() => history.back()")
    seen.until("() => document.getElementById('seed')?.value === '7'")
    asked = parse_qs(urlsplit(seen.page.url).query)
    assert asked["seed"] == ["7"]
    assert "run" not in asked


def test_a_span_that_is_not_written_yet_belongs_to_no_other_map(look: Any) -> None:
    seen = look().at("/map?book=run&asset=BTC", "#clusters td.num")
    seen.page.wait_for_selector(".chart:not([aria-busy])")
    # zoomed, and another asset chosen two frames later
    seen.page.evaluate(
        """async () => {
          const frame = () => new Promise(requestAnimationFrame);
          const chart = document.querySelector(".chart");
          await frame();
          chart.dispatchEvent(new KeyboardEvent("keydown", { key: "+" }));
          await frame();
          await frame();
          const assets = document.getElementById("map-asset");
          assets.value = "ETH";
          assets.dispatchEvent(new Event("change"));
        }"""
    )
    seen.page.wait_for_selector("h1:text('ETH')")
    seen.page.wait_for_selector(".chart:not([aria-busy])")
    seen.page.wait_for_timeout(600)
    assert parse_qs(urlsplit(seen.page.url).query).keys() == {"book", "asset"}


def test_the_span_is_written_while_the_recording_runs_fast(look: Any, book_path: Path) -> None:
    with serving(room_of(book_path, pace=600.0)) as asker:
        seen = look(port=asker.port).at("/map?book=run", "#clusters td.num")
        seen.page.wait_for_selector(".chart:not([aria-busy])")
        seen.page.locator(".chart").focus()
        seen.page.keyboard.press("+")
        seen.page.wait_for_url("**/map?*from=*")
        seen.page.close()


def test_a_page_whose_script_could_not_be_had_opens_once_the_server_is_back(
    window: Any, book_path: Path
) -> None:
    with kept_port() as port:
        with serving(room_of(book_path), port=port):
            seen = Look(window().new_page(), f"http://127.0.0.1:{port}")
            seen.at("/overview", ".state[data-on]")
            seen.page.wait_for_selector(".tile")
        seen.page.wait_for_selector(".state:not([data-on])")
        seen.page.locator("nav a[data-page=alerts]").click()
        again = seen.page.get_by_role("button", name="Try again")
        again.wait_for()
        with serving(room_of(book_path), port=port):
            seen.page.wait_for_selector(".state[data-on]")
            again.click()
            seen.page.wait_for_selector("h1:text('Alerts')")
            seen.page.close()


def test_what_was_opened_stays_open_when_the_odds_come(look: Any, folder: Path) -> None:
    with serving(room_of(folder / "book.csv")) as asker:
        asker("/api/v1/candles?name=mine.csv", "POST", (folder / "candles.csv").read_bytes())
        seen = look(port=asker.port)
        held = Held(seen.page, "**/shown/check?*candles=*")
        seen.at("/desk", ".shown .sheet")
        seen.page.locator("details.ground summary").click()
        held.until_asked()
        held.let_go()
        seen.page.wait_for_selector("#odds:text('With odds')")
        assert seen.page.locator("details.ground[open]").count() == 1
        seen.page.close()
