"""The page of a simulated run in a real browser: it plays, is scrubbed, and shows intervals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seawall.report import Chart, ChartKind, Report, Series, Unit
from seawall.report import numbers as n
from seawall.report.page import write_html
from seawall.report.simulate import simulate_report
from unit.report.test_simulate_figures import saved

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def run_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    return write_html(simulate_report(saved()), folder / "run.html")


def frame(page: Any) -> dict[str, Any]:
    """Clock, discs and dots as drawn."""
    found: dict[str, Any] = page.evaluate(
        """() => {
          const f = document.querySelector('#figure-replay');
          return {
            clock: f.querySelector('output').textContent,
            forced: f.querySelector('svg .clock').textContent,
            discs: [...f.querySelectorAll('svg .blast')].map((c) => Number(c.getAttribute('r'))),
            dots: [...f.querySelectorAll('svg .dot')].map((c) => Number(c.getAttribute('cx'))),
          };
        }"""
    )
    return found


def scrub(page: Any, to: int) -> dict[str, Any]:
    slider = page.locator("#figure-replay input")
    slider.evaluate(
        "(s, v) => { s.value = v; s.dispatchEvent(new Event('input', { bubbles: true })); }", to
    )
    return frame(page)


@pytest.mark.parametrize("width", [390, 1440])
def test_the_run_is_drawn_without_complaint(visit: Any, run_page: Path, width: int) -> None:
    visited = visit(width=width, path=run_page)
    assert visited.complaints == []
    assert visited.requests == [run_page.as_uri()]
    drawn = frame(visited.page)
    assert len(drawn["dots"]) == 3
    wide = visited.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width


def test_scrubbing_shows_the_moment(visit: Any, run_page: Path) -> None:
    page = visit(path=run_page).page
    start = scrub(page, 0)
    assert start["clock"] == "0:01"
    assert start["forced"] == "Forced so far $0"
    assert start["discs"] == []
    hit = scrub(page, 69)
    assert hit["clock"] == "1:10"
    assert hit["forced"] == "Forced so far $508"
    assert len(hit["discs"]) == 1
    assert hit["dots"][0] < start["dots"][0]
    # area in proportion: 180 at second 10 against 240 at second 70
    earlier = scrub(page, 9)
    assert earlier["discs"][0] ** 2 / hit["discs"][0] ** 2 == pytest.approx(180 / 240, rel=0.01)
    spoken = page.locator("#figure-replay .spoken").text_content()
    assert spoken.startswith("At 0:10: forced so far $180; a:BTC -")


def test_the_slider_obeys_the_keys(visit: Any, run_page: Path) -> None:
    page = visit(path=run_page).page
    scrub(page, 5)
    page.locator("#figure-replay input").focus()
    page.keyboard.press("ArrowRight")
    assert frame(page)["clock"] == "0:07"
    page.keyboard.press("Home")
    assert frame(page)["clock"] == "0:01"


def test_it_plays_and_pauses(visit: Any, run_page: Path) -> None:
    page = visit(path=run_page).page
    scrub(page, 0)
    # paused in the page itself, as soon as it has gone on: the run is over in seconds
    page.evaluate(
        """() => new Promise((done) => {
          const figure = document.querySelector("#figure-replay");
          const button = figure.querySelector(".play"), clock = figure.querySelector("output");
          button.click();
          globalThis.said = [button.textContent];
          new MutationObserver((_, seen) => {
            if (["0:01", "0:02"].includes(clock.textContent)) return;
            seen.disconnect();
            button.click();
            globalThis.said.push(button.textContent);
            done();
          }).observe(clock, { childList: true, characterData: true, subtree: true });
        })"""
    )
    assert page.evaluate("said") == ["Pause", "Play"]
    stopped = frame(page)["clock"]
    assert stopped not in ("0:01", "0:02")
    page.wait_for_timeout(400)
    assert frame(page)["clock"] == stopped


def test_a_frame_that_began_before_the_click_shows_the_start(visit: Any, run_page: Path) -> None:
    page = visit(path=run_page).page
    scrub(page, 0)
    shown = page.evaluate(
        """() => new Promise((done) => {
          const figure = document.querySelector("#figure-replay"), all = new Set();
          const clock = figure.querySelector("output"), later = requestAnimationFrame;
          globalThis.requestAnimationFrame = (act) => later((now) => act(now - 1e6));
          figure.querySelector(".play").click();
          const look = (left) => {
            all.add(clock.textContent);
            if (left) later(() => look(left - 1));
            else done([...all]);
          };
          look(5);
        })"""
    )
    assert shown == ["0:01"]


def test_prices_and_bars_stand_over_time(visit: Any, run_page: Path) -> None:
    page = visit(path=run_page).page
    ticks = page.locator("#figure-price_BTC svg .tick").all_text_contents()
    assert "1:00" in ticks
    assert page.locator("#figure-price_BTC svg .bar").count() == 2
    assert page.locator("#figure-price_BTC svg .line").count() == 2
    assert page.locator("#figure-price_BTC svg .mark-label").all_text_contents() == ["halt b"]


def test_durations_print_alike_on_page_and_terminal(visit: Any, run_page: Path) -> None:
    page = visit(path=run_page).page
    short = (0.0, 0.04, 61.7, 119.96, 120.0, 3599.5, 3725.4, 90_000.0, -5.0)
    long = (172_799.4, 172_799.5, 172_800.0, 190_080.0, 17_840_776.0, -604_800.0, 3e9)
    for value in (*short, *long):
        shown = page.evaluate("(v) => seawall.text(v, 'duration')", value)
        assert shown == n.text(value, Unit.DURATION), value


def test_intervals_are_drawn_to_scale(visit: Any, tmp_path: Path) -> None:
    series = Series("Base", ["x", "y"], [10.0, -4.0], low=[5.0, -8.0], high=[20.0, float("nan")])
    chart = Chart("c", "C", ChartKind.BARS, "", Unit.TEXT, "USD", Unit.USD, (series,))
    report = Report(schema="seawall.test/1", title="T", charts=(chart,))
    page = visit(path=write_html(report, tmp_path / "i.html")).page
    boxes = page.evaluate(
        "() => [...document.querySelectorAll('.whisker, rect.bar')].map((e) => { "
        "const b = e.getBBox(); return [e.getAttribute('class'), b.x, b.width]; })"
    )
    whiskers = [b for b in boxes if b[0] == "whisker"]
    bars = [b for b in boxes if b[0] != "whisker"]
    assert len(whiskers) == 1, "an interval with an unknown end is not drawn"
    assert whiskers[0][2] / bars[0][2] == pytest.approx(15.0 / 10.0, rel=0.02)
