"""The overview in a real browser: its labels, its window, its tape's filters, any book."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="seawall[room] is not installed")


from made_tapes import made_tape, unfilled
from room_server import BOOK, Asker, serving
from seawall.app.serve_command import room_of
from seawall.ingest.store.writer import StoreWriter

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("overview")
    head, *rows = BOOK.splitlines()
    ether = [r for r in rows if "ETH" in r and "bybit" in r]
    (made / "ether.csv").write_text("\n".join([head, *ether]) + "\n")
    with StoreWriter(made / "tape") as writer:
        writer.append(made_tape(400, seed=3))
    return made


@pytest.fixture(scope="module")
def room(folder: Path) -> Iterator[Asker]:
    with serving(room_of(folder / "ether.csv")) as asker:
        asker.until("/api/v1/live/statistics", lambda s: "events" in s)
        yield asker


def test_nothing_of_a_simulation_is_called_measured(look: Any, room: Asker) -> None:
    seen = look().at("/overview", ".tile")
    seen.page.get_by_text("one of each symbol every 1 s").first.wait_for()
    assert "simulated" in seen.page.locator(".tile").first.inner_text()
    assert "measured" not in seen.page.locator("main").inner_text()
    rules = room("/api/v1/live/feeds").json()["rules"]
    assert rules["binance_usdm"]["coverage"] == "one_a_slot"
    assert rules["bybit"]["coverage"] == "all"
    seen.page.get_by_text("What each venue publishes").click()
    assert rules["okx"]["text"] in seen.page.locator("main").inner_text()


def test_concentration_is_of_a_book_without_bitcoin(look: Any, room: Asker) -> None:
    seen = look().at("/overview", "#held:has-text('traders')")
    told = room("/api/v1/tape/concentration").json()["groups"][0]
    words = seen.page.locator("#held").inner_text()
    assert f"Of {told['traders']} traders" in words
    assert "ether.csv" in words
    assert seen.complaints == []


def test_the_window_of_a_store_has_both_dates(look: Any, folder: Path) -> None:
    with serving(room_of(folder / "ether.csv", folder / "tape")) as asker:
        found = asker.until("/api/v1/live/statistics", lambda s: "events" in s)["inputs"]
        seen = look(port=asker.port).at("/overview", ".tile")
        words = seen.page.locator("#window").inner_text()
        assert found["from"][:10] in words
        assert found["to"][:10] in words
        covered = {f["venue"]: f["coverage"] for f in asker("/api/v1/live/feeds").json()["feeds"]}
        told = {
            "all": "every liquidation",
            "one_a_slot": "one of each symbol",
            "sample": "a sample",
            "unknown": "not stated",
            None: "differs by event",
        }
        seen.until(
            "() => { const all = [...document.querySelectorAll('td.wrap:last-child')];"
            " return all.length && all.every(c => c.textContent !== '–'); }"
        )
        shown = seen.page.evaluate(
            "() => [...document.querySelectorAll('td.wrap:last-child')].map("
            "c => [c.parentElement.cells[0].firstChild.textContent, c.textContent])"
        )
        assert shown
        for venue, coverage in shown:
            assert coverage.startswith(told[covered[venue]])


def test_the_tapes_filters_ask_the_server(look: Any, room: Asker) -> None:
    least = 100_000
    seen = look().at(f"/overview?least={least}&venue=bybit&coin=BTC", "#tape-venue")
    seen.until("() => document.querySelectorAll('.scroll[aria-label=Tape] tbody td.num').length")
    assert seen.page.locator("#tape-least").input_value() == str(least)
    assert seen.page.locator("#tape-venue").input_value() == "bybit"
    script = (
        "() => [...document.querySelectorAll('.scroll[aria-label=Tape] tbody tr')]"
        ".map((r) => [...r.cells].map((c) => c.firstChild.textContent))"
    )
    asked = f"/api/v1/live/tape?least={least}&venue=bybit&asset=BTC&order=latest&limit=400"
    rows = seen.page.evaluate(script)
    before = room(asked).json()
    # the page has the latest hundred, and asked a moment earlier
    assert 1 <= len(rows) <= min(100, len(before))
    assert {r[1] for r in rows} == {"bybit"}
    assert all("BTC" in r[2] for r in rows)
    assert {e["notional_usd"] >= least for e in before} == {True}
    # far more of the tape has passed than the last four hundred events
    assert len(room("/api/v1/live/tape?limit=5000").json()) > 400
    seen.page.select_option("#tape-side", "short")
    seen.until(
        "() => [...document.querySelectorAll('.scroll[aria-label=Tape] tbody tr')].every("
        "(r) => r.cells.length < 4 || r.cells[3].textContent.startsWith('short'))"
    )
    assert "side=short" in seen.page.url
    order = json.loads(json.dumps(room("/api/v1/live/tape?order=latest&limit=50").json()))
    assert [e["time"] for e in order] == sorted(e["time"] for e in order)
    assert room("/api/v1/live/tape?side=both").status == 422


def test_a_tape_of_one_venue_and_one_minute(look: Any, folder: Path, tmp_path: Path) -> None:
    with StoreWriter(tmp_path / "tape") as writer:
        writer.append(unfilled(30, span=20 * 10**9))
    with serving(room_of(folder / "ether.csv", tmp_path / "tape")) as asker:
        asker.until("/api/v1/live/statistics", lambda s: "events" in s)
        seen = look(port=asker.port).at("/overview", ".tile")
        last = seen.page.locator(".tile").last.inner_text().split("\n")
        assert last == ["Venues", "1", "okx alone"]
        assert "Nothing before 00:00" in seen.page.locator("#by-minute").inner_text()
        # the one bar is as wide as a minute of half an hour
        wide = seen.page.evaluate(
            """() => { const c = document.querySelector(".plot"), pen = c.getContext("2d");
            const all = pen.getImageData(0, 0, c.width, c.height).data;
            const probe = document.createElement("i");
            probe.className = "long";
            document.body.append(probe);
            const ink = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
            probe.remove();
            const seen = new Set();
            for (let k = 0; k < all.length; k += 4)
              if (ink.every((v, n) => all[k + n] === v)) seen.add((k / 4) % c.width);
            return seen.size / c.width; }"""
        )
        assert 0.02 < wide < 0.04
        seen.page.close()


def test_of_few_venues_the_largest_is_told(look: Any, room: Asker) -> None:
    seen = look().at("/overview", ".tile")
    venues = [v for v in room("/api/v1/live/statistics").json()["by_venue"] if v["notional_usd"]]
    words = seen.page.locator(".tile").last.inner_text()
    wanted = "Three largest venues" if len(venues) > 3 else "Largest venue"
    assert words.startswith(wanted)
    assert f"of {len(venues)} venues" in words
