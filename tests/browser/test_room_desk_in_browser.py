"""Desk and Alerts in a real browser: the command's figures, mistakes at their fields, warnings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

pytest.importorskip("fastapi", reason="seawall[room] is not installed")

from room_look import Look, printed
from tests.unit.desk.desk_books import made_candles, written

from room_server import BOOK, Asker, serving
from seawall.app.serve_command import room_of
from seawall.report import numbers
from seawall.report.model import Unit

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("desk")
    (made / "book.csv").write_text(BOOK)
    (made / "broken.csv").write_text(BOOK.replace("86600", "none", 1))
    written(made_candles(("BTC", "ETH"), 800), made / "candles.csv")
    return made


@pytest.fixture(scope="module")
def room() -> Iterator[Asker]:
    """As a newcomer opens it: the example, and its watch."""
    with serving(room_of(accounts=5_000, pace=60.0)) as asker:
        asker.until("/api/v1/watch", lambda w: w.get("warnings"))
        yield asker


READY = {"/desk": ".shown .sheet", "/alerts": ".notices li time"}


@pytest.mark.parametrize("path", ["/desk", "/alerts"])
@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("width", [390, 1400, 3840])
def test_each_page_loads_without_complaint(look: Any, path: str, scheme: str, width: int) -> None:
    seen = look(width, scheme).at(path, READY[path])
    seen.page.wait_for_selector(".state[data-on]")
    assert seen.complaints == []
    assert seen.hosts == {urlsplit(seen.base).netloc}
    assert seen.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def send(seen: Look, words: str, path: Path, name: str) -> str:
    """Send a file by the page's own button; the key that the address has then."""
    before = key_of(seen, name)
    seen.page.locator(f"input[aria-label='{words}']").set_input_files(path)
    # the page that has it chosen, and not the one that sent it
    seen.until(
        "([n, b]) => { const key = new URLSearchParams(location.search).get(n);"
        " return key && key !== b && document.getElementById(`pick-${n}`)?.value === key; }",
        arg=[name, before],
    )
    seen.page.wait_for_selector(".shown .sheet")
    return key_of(seen, name)


def key_of(seen: Look, name: str) -> str:
    return parse_qs(urlsplit(seen.page.url).query).get(name, [""])[0]


def cells(seen: Look, table: str, column: str) -> list[str]:
    """A column of a table as it is read on the page."""
    return list(
        seen.page.evaluate(
            """([table, column]) => {
              const box = document.querySelector(`.sheet[data-key="${table}"]`);
              const at = [...box.querySelectorAll("th")].findIndex((h) => h.dataset.key === column);
              return [...box.querySelectorAll("tbody tr")].map((r) => r.cells[at].textContent);
            }""",
            [table, column],
        )
    )


def test_my_positions_show_what_api_and_command_give(look: Any, room: Asker, folder: Path) -> None:
    seen = look().at("/desk", ".shown .sheet")
    book = send(seen, "Send positions", folder / "book.csv", "book")
    candles = send(seen, "Send candles", folder / "candles.csv", "candles")
    seen.page.wait_for_selector(".sheet[data-key='odds']")
    api = room(f"/api/v1/check?book={book}&candles={candles}").json()
    assert api == printed(folder, "check", "book.csv", "--candles", "candles.csv")
    by_row = {str(p["row"]): p for p in api["positions"]}
    rows = cells(seen, "positions", "row")
    assert sorted(rows) == sorted(by_row)
    assert cells(seen, "positions", "liquidation_price") == [
        numbers.text(by_row[r]["liquidation_price"], Unit.PRICE) for r in rows
    ]
    assert seen.page.locator(".shown .first").inner_text() == api["answer"][0]
    assert seen.page.locator("#odds").inner_text() == "With odds, modelled"
    assert seen.complaints == []


def test_a_size_is_that_of_api_and_command_and_its_address_restores_it(
    look: Any, room: Asker, folder: Path
) -> None:
    seen = look().at("/desk", ".shown .sheet")
    book = send(seen, "Send positions", folder / "book.csv", "book")
    candles = send(seen, "Send candles", folder / "candles.csv", "candles")
    page = seen.page
    page.wait_for_selector("#field-row")
    page.select_option("#field-row", "1")
    page.fill("#field-budget", "15%")
    page.fill("#field-horizon", "1d")
    page.locator(".more summary").click()
    page.fill("#field-paths", "500")
    page.get_by_role("button", name="Find the size").click()
    page.wait_for_selector("#result .tile")
    query = f"book={book}&candles={candles}&row=1&budget=15%25&horizon=1d&paths=500"
    api = room(f"/api/v1/size?{query}").json()
    line = "size book.csv --candles candles.csv --row 1 --budget 15% --horizon 1d --paths 500"
    assert api == printed(folder, *line.split())
    assert page.locator("#result .first").inner_text() == api["answer"][0]
    # uncertainty and label stand beside what is modelled
    kinds = page.locator("#result .tile .kind").all_inner_texts()
    assert "modelled" in kinds
    assert "5–95%" in page.locator("#result .tiles").inner_text()
    again = look()
    again.page.goto(page.url)
    again.page.wait_for_selector("#result .tile")
    assert again.page.locator("#result .first").inner_text() == api["answer"][0]
    assert again.page.input_value("#field-budget") == "15%"
    assert again.complaints == []


@pytest.mark.parametrize(
    ("tool", "button", "figure"),
    [
        ("stop", "Place the stop", "svg"),
        ("rescue", "Find ways back", ".first"),
        ("allocate", "Find the weights", "svg"),
    ],
)
def test_the_other_tools_answer_with_their_defaults(
    look: Any, room: Asker, tool: str, button: str, figure: str
) -> None:
    seen = look().at(f"/desk?tool={tool}", ".shown .sheet")
    seen.page.get_by_role("button", name=button).click()
    seen.page.wait_for_selector(f"#result {figure}")
    given = {k: v[0] for k, v in parse_qs(urlsplit(seen.page.url).query).items() if k != "tool"}
    wanted = {"stop": "row", "rescue": "book", "allocate": "candles"}[tool]
    assert wanted in given
    names = {"stop": ("book", "candles", "row"), "rescue": ("book",), "allocate": ("candles",)}
    query = "&".join(f"{k}={given[k]}" for k in names[tool])
    api = room(f"/api/v1/{tool}?{query}").json()
    assert seen.page.locator("#result .first").inner_text() == api["answer"][0]
    assert seen.complaints == []


def test_what_is_wrong_stands_at_its_field(look: Any) -> None:
    seen = look().at("/desk?tool=size", "#field-probability")
    page = seen.page
    page.fill("#field-probability", "two")
    page.get_by_role("button", name="Find the size").click()
    page.wait_for_selector("#field-probability[aria-invalid]")
    said = page.locator("#field-probability-wrong").inner_text()
    assert "got two" in said
    assert page.evaluate("document.activeElement.id") == "field-probability"
    page.fill("#field-probability", "1%")
    page.select_option("#pick-candles", "")
    page.wait_for_selector("#field-probability")
    page.get_by_role("button", name="Find the size").click()
    page.wait_for_selector("form .wrong:not([hidden])")
    assert "prices of the past" in page.locator("form .wrong").inner_text()


def test_a_broken_file_is_told_and_the_page_lives(look: Any, folder: Path) -> None:
    seen = look().at("/desk", ".shown .sheet")
    seen.page.locator("input[aria-label='Send positions']").set_input_files(folder / "broken.csv")
    seen.page.wait_for_selector("main > .wrong:not([hidden])")
    said = seen.page.locator("main > .wrong").inner_text()
    assert "broken.csv" in said
    assert "mark_price" in said
    assert seen.page.locator(".shown .sheet").count() >= 1
    assert seen.page.get_by_role("button", name="Send positions").is_enabled()


@pytest.mark.parametrize(
    ("path", "button", "ready"),
    [("/desk", "Send positions", ".shown .sheet"), ("/stress", "Send a book", "#stressed .tile")],
)
def test_what_a_file_leaves_out_is_added_at_its_button(
    look: Any, room: Asker, tmp_path: Path, path: str, button: str, ready: str
) -> None:
    bare = tmp_path / "bare.csv"
    bare.write_text(
        "account,instrument,side,quantity,entry_price,leverage,margin_mode,collateral\n"
        "ann,BTCUSDT,long,2.5,92000,10,isolated,23000\n"
        "bob,BTCUSDT,long,none,92000,10,isolated,23000\n"
    )
    seen = look(390).at(path, ready)
    page = seen.page
    page.locator(f"input[aria-label='{button}']").set_input_files(bare)
    # refused with the reason, and what could be added stands open
    page.wait_for_selector("main > .wrong:not([hidden])")
    assert "bare.csv" in page.locator("main > .wrong").inner_text()
    page.wait_for_selector("#sent-price")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.fill("#sent-price", "BTC=86600")
    page.fill("#sent-venue", "bybit")
    page.fill("#sent-at", "2025-11-21")
    page.check("#sent-lenient")
    page.locator(f"input[aria-label='{button}']").set_input_files(bare)
    seen.until(
        "() => { const key = new URLSearchParams(location.search).get('book');"
        " const chosen = document.querySelector('#book, #pick-book')?.value;"
        " return key?.length > 9 && chosen === key; }"
    )
    page.wait_for_selector(ready)
    found = room(f"/api/v1/check?book={key_of(seen, 'book')}").json()
    assert [(p["venue"], p["mark_price"]) for p in found["positions"]] == [("Bybit", 86600.0)]
    assert found["inputs"]["rows_set_aside"] == 1
    if path == "/desk":
        assert "1 faulty row set aside" in page.locator("main").inner_text()


def test_a_book_that_is_gone_is_told(look: Any) -> None:
    seen = look().at("/desk?book=gone", ".shown .sheet")
    assert "no longer on the server" in seen.page.locator("main > .wrong").inner_text()


def test_an_account_without_a_key_says_how_to_give_one(
    look: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in ("KEY", "SECRET"):
        monkeypatch.delenv(f"SEAWALL_BYBIT_{part}", raising=False)
    seen = look().at("/desk", ".shown .sheet")
    seen.page.select_option("select[aria-label='Venue of your account']", "bybit")
    seen.page.get_by_role("button", name="Read my account").click()
    seen.page.wait_for_selector("main > .wrong:not([hidden])")
    assert "SEAWALL_BYBIT_KEY" in seen.page.locator("main > .wrong").inner_text()


def test_charts_and_tables_of_an_answer_can_be_kept(look: Any) -> None:
    seen = look().at("/desk?tool=stop&row=1&paths=500&asked", "#result svg")
    figure = seen.page.locator("#result .figure").first
    with seen.page.expect_download() as kept:
        figure.get_by_role("button", name="PNG").click()
    assert Path(kept.value.path()).read_bytes().startswith(b"\x89PNG")
    with seen.page.expect_download() as kept:
        figure.get_by_role("button", name="CSV").click()
    assert len(Path(kept.value.path()).read_text().splitlines()) > 3
    with seen.page.expect_download() as kept:
        seen.page.locator("#result .sheet").first.get_by_role("button", name="CSV").click()
    assert "," in Path(kept.value.path()).read_text().splitlines()[0]
    assert seen.complaints == []


def test_warnings_come_as_they_are_told(look: Any, room: Asker) -> None:
    seen = look().at("/alerts", ".notices li time")
    told = [e for e in room("/api/v1/watch/recent").json() if e["event"] == "warning"]
    seen.until(
        "words => document.querySelector('.notices').textContent.includes(words)",
        arg=told[-1]["text"],
    )
    levels = room("/api/v1/watch").json()["thresholds"]
    table = seen.page.locator(".levels").inner_text()
    for ratio in (levels["approaching"], levels["margin_call"], levels["imminent"]):
        assert f"{100 * ratio:.0f}%" in table
    tile = seen.page.locator(".tile dd").first.inner_text()
    assert tile.startswith("recorded replay")
    with seen.page.expect_download() as kept:
        seen.page.get_by_role("button", name="CSV").click()
    assert Path(kept.value.path()).read_text().startswith("time,event,account")


def test_settings_stay_in_this_browser_and_hold(look: Any) -> None:
    seen = look(timezone_id="Asia/Tokyo").at("/alerts", ".notices li time")
    page = seen.page
    posted: list[str] = []
    page.on("request", lambda r: posted.append(r.method))
    # of each warning its time in UTC, beside the time that is written
    times = """() => [...document.querySelectorAll('.notices time')]
        .map((t) => [t.dateTime.slice(11, 13), t.textContent.slice(11, 13)].map(Number))"""
    assert {written - utc for utc, written in page.evaluate(times)} == {0}
    page.select_option("#set-zone", "local")
    seen.until(f"() => ({times})().every(([utc, written]) => utc !== written)")
    assert {(written - utc) % 24 for utc, written in page.evaluate(times)} == {9}
    page.select_option("#set-theme", "light")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    page.select_option("#set-asset", "ETH")
    page.fill("#set-least", "-5")
    page.press("#set-least", "Tab")
    assert "0 or more" in page.locator("#settings .amiss").inner_text()
    page.fill("#set-least", "100000")
    page.press("#set-least", "Tab")
    seen.at("/overview", ".tile")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    assert "UTC+9" in page.locator("#window").inner_text()
    chosen = page.locator(".head select").first
    assert chosen.input_value() == "100000"
    seen.at("/map", "#clusters td")
    assert page.locator("h1").inner_text() == "ETH liquidation map"
    assert set(posted) == {"GET"}


def test_the_overview_tells_how_every_feed_is(look: Any, room: Asker) -> None:
    seen = look().at("/overview", ".feed")
    seen.page.wait_for_selector("[aria-label='Feeds']:has-text('marks for the watch')")
    seen.page.wait_for_selector("[aria-label='Feeds']:has-text('recorded replay')")
    told = room("/api/v1/live/feeds").json()["feeds"]
    body = seen.page.locator("[aria-label='Feeds']").inner_text()
    assert all(f["link"] in body for f in told)
    assert "recorded replay" in body
    assert "marks for the watch" in body


def test_without_a_watch_the_page_says_how_to_start_one(window: Any, folder: Path) -> None:
    with serving(room_of(folder / "book.csv")) as room:
        seen = Look(window().new_page(), f"http://127.0.0.1:{room.port}")
        seen.at("/alerts", "main > .wrong:not([hidden])")
        assert "--watch" in seen.page.locator("main > .wrong").inner_text()
        seen.at("/desk", ".shown .sheet")
        assert seen.page.input_value("#pick-book") == "default"
        assert seen.complaints == []
        seen.page.close()
