"""The stress page in a real browser: the command's numbers, by slider, address and upload."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

pytest.importorskip("fastapi", reason="seawall[room] is not installed")

from room_look import Look, printed

from room_server import BOOK, Asker
from seawall.report import numbers as n
from seawall.report.model import Unit

pytestmark = pytest.mark.browser


def settled(seen: Look, asked: str) -> None:
    """Wait until the page shows the answer to a question that holds some words."""
    seen.until(
        "words => decodeURIComponent(document.getElementById('stressed')?.dataset.asked ?? '')"
        ".includes(words)",
        arg=asked,
    )


def tiles(seen: Look) -> dict[str, str]:
    found: dict[str, str] = seen.page.evaluate(
        "() => Object.fromEntries([...document.querySelectorAll('#stressed .tile')].map("
        "t => [t.querySelector('dt').textContent, t.querySelector('dd').firstChild.textContent]))"
    )
    return found


def rows(seen: Look, key: str) -> list[list[str]]:
    """Cells of a table, exact values where they differ from the text."""
    found: list[list[str]] = seen.page.evaluate(
        "key => [...document.querySelector(`.sheet[data-key=${key}] tbody`).rows]"
        ".map(r => [...r.cells].map(c => c.dataset.v ?? c.textContent))",
        key,
    )
    return found


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("width", [390, 1400, 3840])
def test_the_page_loads_without_complaint(look: Any, scheme: str, width: int) -> None:
    seen = look(width, scheme).at("/stress", "#stressed .tile")
    seen.page.wait_for_selector(".state[data-on]")
    settled(seen, "draws=64")
    assert seen.complaints == []
    assert seen.hosts == {urlsplit(seen.base).netloc}
    assert seen.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_page_api_and_command_line_tell_the_same(look: Any, room: Asker, book_path: Path) -> None:
    seen = look().at("/stress?asset=BTC&shock=-12.5&fund=2e5&liquidates=1e6", "#stressed .tile")
    settled(seen, "draws=64")
    arguments = ["--shock", "BTC=-12.5%", "--fund", "2e5", "--liquidates", "1e6"]
    told = printed(book_path.parent, "stress", str(book_path), *arguments)
    by_api = room("/api/v1/stress?shock=BTC=-12.5%25&fund=2e5&liquidates=1e6").json()
    assert by_api == told
    totals = told["totals"]
    assert totals["forced_notional_usd"] > 0
    shown = tiles(seen)
    assert shown["Forced notional"] == n.text(totals["forced_notional_usd"], Unit.USD)
    assert shown["Cascade multiplier"] == n.text(totals["cascade_multiplier"], Unit.FACTOR)
    assert shown["Accounts liquidated"] == n.text(totals["accounts_liquidated"], Unit.COUNT)
    assert shown["Insurance fund after"] == n.text(totals["fund_after_usd"], Unit.USD)
    assert shown["Bad debt"] == n.text(totals["bad_debt_usd"], Unit.USD)
    by_round = [[float(v) for v in (r[0], r[2])] for r in rows(seen, "round_rows")]
    assert by_round == [[r["round"], r["forced_notional_usd"]] for r in told["rounds"]]
    by_venue = {r[0]: float(r[1]) for r in rows(seen, "venues")}
    assert by_venue == {v["title"]: v["forced_notional_usd"] for v in told["venues"].values()}
    lost = [float(r[5]) for r in rows(seen, "losses")]
    assert lost == [r["equity_after_usd"] for r in told["losses"]]
    said = seen.page.locator("#stressed > p, #reverse p").all_inner_texts()
    assert set(told["answer"]) <= set(said)


def test_the_slider_moves_everything_and_stands_in_the_address(look: Any) -> None:
    seen = look().at("/stress?asset=ETH&shock=-10", "#stressed .tile")
    settled(seen, "ETH=-10%&draws=64")
    seen.page.locator("#shock").focus()
    seen.page.keyboard.press("ArrowLeft")
    settled(seen, "ETH=-10.5%")
    assert seen.page.locator("#stressed .first").inner_text().startswith("ETH -10.50%")
    settled(seen, "ETH=-10.5%&draws=64")
    seen.until("() => location.search.includes('shock=-10.5')")
    assert parse_qs(urlsplit(seen.page.url).query)["asset"] == ["ETH"]
    seen.page.reload()
    settled(seen, "ETH=-10.5%")
    assert seen.page.locator("#percent").input_value() == "-10.5"
    seen.page.select_option("#asset", "ALL")
    settled(seen, "ALL=-10.5%")
    assert seen.complaints == []


def test_many_moves_end_at_the_last(look: Any) -> None:
    seen = look().at("/stress?shock=-1&draws=0", "#stressed .tile")
    seen.page.locator("#shock").focus()
    for _ in range(40):
        seen.page.keyboard.press("ArrowLeft")
    settled(seen, "BTC=-21%")
    seen.page.wait_for_timeout(300)
    assert seen.page.locator("#stressed .first").inner_text().startswith("BTC -21.00%")


def test_a_book_is_sent_and_stressed(look: Any, tmp_path: Path) -> None:
    book = tmp_path / "mine.csv"
    book.write_text("\n".join(BOOK.splitlines()[:2]) + "\n")
    seen = look().at("/stress", "#stressed .tile")
    seen.page.set_input_files("input[type=file]", str(book))
    # the page that has it chosen, and not the one that sent it
    seen.until(
        "() => { const key = new URLSearchParams(location.search).get('book');"
        " return key && key !== 'default' && document.getElementById('book')?.value === key; }"
    )
    settled(seen, "BTC=-10%")
    chosen = seen.page.locator("#book option:checked").inner_text()
    assert chosen == "mine.csv"
    assert seen.page.locator("#asset option").all_inner_texts() == ["BTC", "all assets"]


def test_a_file_that_is_no_book_says_why(look: Any, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("account,venue,instrument,side,quantity\nann,binance,BTCUSDT,up,2\n")
    seen = look().at("/stress", "#stressed .tile")
    seen.page.set_input_files("input[type=file]", str(wrong))
    said = seen.page.locator("[role=alert]:not([hidden])")
    said.first.wait_for()
    assert "wrong.csv was not taken" in said.first.inner_text()
    assert "entry_price" in said.first.inner_text()
    assert seen.page.locator("#stressed .tile").count() > 0


def test_a_refused_question_can_be_mended(look: Any) -> None:
    seen = look().at("/stress", "#stressed .tile")
    seen.page.fill("#fund", "plenty")
    seen.page.keyboard.press("Tab")
    alert = seen.page.locator("#stressed [role=alert]")
    alert.wait_for()
    assert "plenty" in alert.inner_text()
    seen.page.fill("#fund", "")
    seen.page.keyboard.press("Tab")
    seen.page.wait_for_selector("#stressed .tile")


def test_a_refused_question_is_asked_once(look: Any) -> None:
    seen = look().at("/stress", "#stressed .tile")
    settled(seen, "draws=64")
    asked: list[str] = []
    seen.page.on("request", lambda r: asked.append(r.url) if "fund=abc" in r.url else None)
    seen.page.fill("#fund", "abc")
    seen.page.keyboard.press("Tab")
    seen.page.wait_for_selector("#stressed [role=alert]")
    seen.page.wait_for_timeout(1_500)
    assert 1 <= len(asked) <= 2


def test_a_word_still_being_typed_is_not_asked(look: Any) -> None:
    seen = look()
    held: list[Any] = []
    holding = True

    def hold(route: Any) -> None:
        # the neighbours of the slider, which are fetched ahead of it
        ahead = "-10%25" not in route.request.url
        held.append(route) if ahead and holding else route.continue_()

    seen.page.route("**/shown/stress*", hold)
    seen.at("/stress", "#stressed .tile")
    while not held:
        seen.page.wait_for_timeout(50)
    seen.page.fill("#fund", "1b")  # and the field is not left
    with seen.page.expect_request("**/shown/stress*") as next_one:
        holding = False
        held[0].continue_()
    assert "fund=" not in next_one.value.url


def test_a_book_that_is_gone_is_told(look: Any) -> None:
    seen = look().at("/stress?book=nowhere", "#stressed .tile")
    assert "no longer on the server" in seen.page.locator("[role=alert]").first.inner_text()


def test_each_chart_can_be_kept(look: Any) -> None:
    seen = look().at("/stress?draws=0", "#stressed .tile")
    figures = seen.page.locator("#stressed .figure")
    assert figures.count() >= 8
    for k in range(figures.count()):
        assert figures.nth(k).get_by_role("button", name="CSV").count() == 1
        assert figures.nth(k).get_by_role("button", name="PNG").count() == 1
    first = figures.first
    with seen.page.expect_download() as kept:
        first.get_by_role("button", name="CSV").click()
    head = Path(kept.value.path()).read_text().splitlines()[0]
    assert head.startswith("Round,Longs liquidated,Shorts liquidated")
    with seen.page.expect_download() as kept:
        first.get_by_role("button", name="PNG").click()
    assert Path(kept.value.path()).read_bytes().startswith(b"\x89PNG")


def test_sums_are_there_before_the_whole_answer(look: Any) -> None:
    seen = look().at("/stress?shock=-10&draws=0", "#stressed .tile")
    seen.page.wait_for_selector("#stressed[data-rungs]")
    late: list[Any] | None = []

    def hold(route: Any) -> None:
        route.continue_() if late is None else late.append(route)

    seen.page.route("**/shown/stress*", hold)
    seen.page.fill("#percent", "-22.5")
    seen.page.keyboard.press("Tab")
    seen.page.wait_for_selector("#stressed[data-glance='-22.5']")
    early = tiles(seen)
    waiting = seen.page.locator(".tile[data-waits]").count()
    assert waiting == len(early) - 3
    held, late = late, None
    for route in held:
        route.continue_()
    settled(seen, "BTC=-22.5%")
    whole = tiles(seen)
    for label in ("Forced notional", "By the shock alone", "Stopped out"):
        assert early[label] == whole[label]
    assert seen.page.locator(".tile[data-waits]").count() == 0
