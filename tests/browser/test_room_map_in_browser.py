"""The map page in a real browser: the amounts of the API, on the chart and below it."""

from __future__ import annotations

import csv
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

pytest.importorskip("fastapi", reason="seawall[room] is not installed")

from room_look import Look
from tests.unit.desk.desk_books import made_candles, written

from made_tapes import START, made_tape, unfilled
from room_server import BOOK, Asker, kept_port, serving
from seawall.app.serve_command import room_of
from seawall.ingest.market.tables import MarketWriter
from seawall.ingest.store.writer import StoreWriter

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("map")
    (made / "book.csv").write_text(BOOK)
    written(made_candles(("BTC", "ETH"), 800), made / "candles.csv")
    return made


@pytest.fixture(scope="module")
def room(folder: Path) -> Iterator[Asker]:
    with serving(room_of(folder / "book.csv")) as asker:
        asker.until("/api/v1/books", lambda b: b[0]["ready"])
        yield asker


def rows(seen: Look) -> list[list[str]]:
    found: list[list[str]] = seen.page.evaluate(
        "() => [...document.querySelectorAll('#clusters tbody tr')]"
        ".map(r => [...r.cells].map(c => c.textContent))"
    )
    return found


def saved(seen: Look, button: str) -> list[list[str]]:
    with seen.page.expect_download() as kept:
        seen.page.get_by_role("button", name=button, exact=True).first.click()
    return list(csv.reader(Path(kept.value.path()).read_text().splitlines()))


def read_out(seen: Look, across: float, down: float) -> str:
    """What the page says of a point of the chart, as shares of its sides."""
    seen.page.wait_for_selector(".chart:not([aria-busy])")
    box = seen.page.locator(".chart").bounding_box()
    seen.page.mouse.move(box["x"] + box["width"] * across, box["y"] + box["height"] * down)
    words: str = seen.until(
        "() => { const words = document.getElementById('read').textContent;"
        " return words.startsWith('Point') ? null : words; }"
    )
    return words


def test_ones_own_book_is_on_the_map(look: Any, room: Asker) -> None:
    seen = look().at("/map?asset=BTC", "#clusters td.num")
    told = room("/api/v1/map?asset=BTC&clusters=40").json()
    assert "86,600 USD" in seen.page.locator("#now").inner_text()
    near = sorted(told["clusters"], key=lambda c: abs(c["distance"]))
    assert {c["side"] for c in near} == {"long", "short"}
    shown = rows(seen)
    assert [r[0] for r in shown] == [c["side"] for c in near]
    assert [r[1] for r in shown] == [f"{c['peak']:,.0f}" for c in near]
    assert [float(r[3].rstrip("%")) for r in shown] == [
        pytest.approx(100 * c["distance"], abs=0.006) for c in near
    ]
    cells = saved(seen, "CSV map")
    assert cells[0] == ["price_from", "price_to", "long_usd", "short_usd"]
    assert len(cells) > 500
    for k, side in ((2, "long_usd"), (3, "short_usd")):
        whole = sum(told["maps"]["BTC"][side])
        assert whole > 0
        assert sum(float(r[k]) for r in cells[1:]) == pytest.approx(whole)
    assert seen.complaints == []


def test_the_read_out_tells_the_cell_and_its_venue(look: Any, room: Asker) -> None:
    seen = look().at("/map?asset=BTC", "#clusters td.num")
    short = [r for r in saved(seen, "CSV map")[1:] if float(r[3]) > 0]
    low, high, _, usd = map(float, short[0])
    heights = seen.page.locator(".chart").bounding_box()["height"]
    for down in range(int(heights)):
        words = read_out(seen, 0.4, down / heights)
        if f"cell {low:,.0f} to {high:,.0f}: " in words:
            break
    assert f"${usd / 1e6:.3g} M of shorts, modelled (hyperliquid $" in words


def test_candles_that_were_sent_stand_before_the_book(look: Any, folder: Path) -> None:
    with serving(room_of(folder / "book.csv")) as asker:
        sent = asker("/api/v1/candles?name=mine.csv", "POST", (folder / "candles.csv").read_bytes())
        key = sent.json()["candles"]
        told = asker(f"/api/v1/candles/{key}/BTC").json()
        seen = look(port=asker.port).at("/map?asset=BTC", "#clusters td.num")
        assert seen.page.locator("#map-candles option:checked").inner_text() == "mine.csv"
        assert "measured" in seen.page.locator("#now").inner_text()
        kept = saved(seen, "CSV candles")
        assert kept[0] == ["time", "open", "high", "low", "close"]
        assert len(kept) - 1 == len(told["candles"]) == 800
        assert [float(v) for v in kept[-1][1:]] == told["candles"][-1][1:]
        assert " O " in read_out(seen, 0.5, 0.5)
        assert asker(f"/api/v1/candles/{key}/DOGE").status == 422


def test_a_store_is_drawn_before_the_book(look: Any, folder: Path, tmp_path: Path) -> None:
    with StoreWriter(tmp_path / "tape") as writer:
        writer.append(made_tape(400, seed=3))
    with serving(room_of(folder / "book.csv", tmp_path / "tape")) as asker:
        told = asker.until("/api/v1/live/candles/BTC", lambda c: c["candles"])
        seen = look(port=asker.port).at("/map?asset=BTC", "#clusters td.num")
        assert len(saved(seen, "CSV candles")) - 1 == len(told["candles"])
        dots = saved(seen, "CSV dots")
        events = asker("/api/v1/live/tape?asset=BTC&limit=1000").json()
        assert sorted(float(r[-1]) for r in dots[1:]) == sorted(e["notional_usd"] for e in events)
        assert seen.page.get_by_text("long liquidated, measured").count() == 1
        assert seen.complaints == []


def test_the_runs_clusters_are_of_the_price_that_is_shown(look: Any, room: Asker) -> None:
    about = room("/api/v1/live/map/BTC").json()
    assert about["columns"] >= 1000
    assert about["rows"] >= 500
    told = room("/api/v1/live/map/BTC/clusters").json()
    assert {c["side"] for c in told["clusters"]} == {"long", "short"}
    for c in told["clusters"]:
        assert c["distance"] == pytest.approx(c["peak"] / told["price"] - 1)
        assert (c["distance"] < 0) == (c["side"] == "long")
    seen = look().at("/map?book=run", "#clusters td.num")
    seen.page.wait_for_selector(".chart:not([aria-busy])")
    # at one moment: the price moves on, and the clusters with it
    now, of, nearest = seen.page.evaluate(
        """() => [document.getElementById("now").textContent,
        document.getElementById("of").textContent,
        [...document.querySelector("#clusters tbody tr").cells].map((c) => c.textContent)]"""
    )
    spot, said = (re.search(r"([\d,]+) USD", words) for words in (now, of))
    assert spot is not None
    assert said is not None
    mark = float(said[1].replace(",", ""))
    # they are counted anew within seconds, in which the run goes on by minutes
    assert float(spot[1].replace(",", "")) == pytest.approx(mark, rel=0.1)
    assert float(nearest[3].rstrip("%")) == pytest.approx(
        100 * (float(nearest[1].replace(",", "")) / mark - 1), abs=0.01
    )
    # the key names amounts over four powers of ten
    marks = seen.page.locator(".ramp b").all_inner_texts()
    assert len(marks) == 5
    assert all(m.startswith("$") for m in marks)


def test_a_restart_with_the_map_open(look: Any, folder: Path) -> None:
    moment = "() => document.getElementById('now').textContent.slice(-23, -15)"
    with kept_port() as port:
        with serving(room_of(folder / "book.csv", pace=600.0), port=port):
            seen = look(port=port).at("/map?book=run", ".state[data-on]")
            seen.page.wait_for_selector("#clusters td.num")
            # it stands farther than the one that comes after it will
            seen.until(f"() => ({moment})() > '05:00:00'")
        seen.page.wait_for_selector(".state:not([data-on])")
        with serving(room_of(folder / "book.csv", pace=8.0), port=port) as second:
            seen.page.wait_for_selector(".state[data-on]")
            seen.until(f"() => ({moment})() < '05:00:00'")
            before = seen.page.evaluate(moment)
            # and it goes on from there
            seen.until(f"t => ({moment})() > t", arg=before)
            shown = seen.page.evaluate(moment)
            assert shown <= second("/api/v1/live").json()["now"][11:19]
            dots = saved(seen, "CSV dots")[1:]
            assert len(dots) == len({tuple(d) for d in dots})
            last = second("/api/v1/live").json()["now"]
            assert all(d[0] <= last for d in dots)


def test_dots_that_could_not_be_had_are_missed_aloud_and_asked_for_again(
    look: Any, room: Asker
) -> None:
    seen, broken = look(), [True]
    seen.page.route(
        "**/api/v1/live/tape*", lambda r: r.fulfill(status=503) if broken[0] else r.continue_()
    )
    seen.at("/map?book=run", "#dots-missing:has-text('Earlier dots are missing')")
    assert seen.page.get_by_role("button", name="CSV dots").is_disabled()
    told = room("/api/v1/live/tape?asset=BTC&limit=50").json()
    broken[0] = False
    seen.page.wait_for_selector("#dots-missing:empty", state="attached")
    dots = {(d[0], d[1], float(d[-1])) for d in saved(seen, "CSV dots")[1:]}
    earlier = {(e["time"], e["venue"], e["notional_usd"]) for e in told}
    assert earlier
    assert earlier <= dots


def test_a_map_with_a_gap_is_asked_for_by_one_timer_alone(look: Any, folder: Path) -> None:
    """Each column that comes behind the gap finds it: none of them asks on its own."""
    with serving(room_of(folder / "book.csv", pace=600.0)) as asker:
        seen, broken = look(port=asker.port), [False]
        asked: list[str] = []
        behind: list[int] = []

        def between(page: Any) -> None:
            server = page.connect_to_server()

            def tell(message: str) -> None:
                frame = json.loads(message)
                columns = [e for e in frame.get("events") or [] if e.get("asset") == "BTC"]
                if broken[0] and frame.get("topic") == "map" and columns:
                    behind.extend(e["index"] for e in columns)
                    if len(behind) == len(columns):
                        return
                page.send(message)

            server.on_message(tell)

        def map_of(route: Any) -> None:
            if broken[0]:
                asked.append(route.request.url)
                route.fulfill(status=503)
            else:
                route.continue_()

        seen.page.route_web_socket("**/ws", between)
        seen.page.route("**/api/v1/live/map/BTC", map_of)
        seen.at("/map?book=run", "#clusters td.num")
        seen.page.wait_for_selector(".chart:not([aria-busy])")
        broken[0], begun = True, time.monotonic()
        while len(behind) < 40 or not asked:
            seen.page.wait_for_timeout(100)
        # at 2, 4, 8, 16 and then every 30 seconds
        assert 1 <= len(asked) < 8 + (time.monotonic() - begun) / 30
        broken[0] = False
        moment = "() => document.getElementById('now').textContent"
        before = seen.page.evaluate(moment)
        seen.until(f"t => ({moment})() !== t", arg=before)


def test_a_book_that_is_gone_is_told(look: Any) -> None:
    seen = look().at("/map?book=nowhere", "[role=alert]")
    assert "no longer on the server" in seen.page.locator("[role=alert]").inner_text()


@pytest.mark.parametrize("book", ["run", "default"])
def test_an_asset_that_is_not_there_is_told_and_the_address_mended(look: Any, book: str) -> None:
    seen = look().at(
        f"/map?asset=DOGE&book={book}&from=1763685000&to=1763690000", "#clusters td.num"
    )
    assert "There is no DOGE in" in seen.page.locator("#missed").inner_text()
    assert seen.page.locator("h1").inner_text() == "BTC liquidation map"
    assert parse_qs(urlsplit(seen.page.url).query) == {"asset": ["BTC"], "book": [book]}
    seen.page.select_option("#map-asset", "ETH")
    seen.page.wait_for_selector("h1:text('ETH')")
    assert seen.page.locator("#missed").count() == 0
    assert seen.complaints == []


def test_a_tape_without_fills_says_so_or_shows_the_marks_beside_it(
    look: Any, folder: Path, tmp_path: Path
) -> None:
    tape = tmp_path / "tape"
    with StoreWriter(tape) as writer:
        writer.append(unfilled(40, span=3_600_000_000_000))
    with serving(room_of(folder / "book.csv", tape)) as asker:
        asker.until("/api/v1/live/statistics", lambda s: "events" in s)
        seen = look(port=asker.port).at("/map?asset=BTC", "#clusters td.num")
        seen.page.wait_for_selector("#read:has-text('tell no price at which a liquidation')")
        assert "tape poll" in seen.page.locator("#read").inner_text()
        seen.page.close()
    known = {"received": START, "venue": "okx", "source": "made", "index_price": None}
    marks = [
        {**known, "time": START + k * 10**10, "asset": "BTC", "instrument": name, "mark_price": p}
        for k, p in enumerate([86_000.0, 87_000.0, 85_000.0, 86_500.0] * 6)
        for name in ("BTC-USDT-SWAP", "BTC-USD-SWAP")[: 2 if k % 2 else 1]
    ]
    with MarketWriter(tape) as writer:
        writer.write({"mark": marks})
    with serving(room_of(folder / "book.csv", tape)) as asker:
        asker.until("/api/v1/live/statistics", lambda s: "events" in s)
        told = asker("/api/v1/live/candles/BTC").json()
        assert "marks of okx BTC-USDT-SWAP" in told["source"]
        first = START // 10**9
        assert told["candles"] == [
            [first + 60.0 * m, *p]
            for m, p in enumerate(
                [[86_000.0, 87_000.0, 85_000.0, 87_000.0], [85_000.0, 87_000.0, 85_000.0, 86_500.0]]
                * 2
            )
        ]
        assert asker("/api/v1/live/candles/ETH").json()["candles"] == []
        seen = look(port=asker.port).at("/map?asset=BTC", "#clusters td.num")
        assert len(saved(seen, "CSV candles")) - 1 == 4
        assert len(saved(seen, "CSV dots")) > 1
        assert seen.complaints == []
        seen.page.close()
