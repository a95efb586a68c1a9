"""The page in a real browser: it draws, stays offline, fits a phone, and can be worked by key."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report_sample import HOSTILE

from seawall.report import Chart, ChartKind, Marker, Report, Series, Unit
from seawall.report import numbers as n
from seawall.report.encode import to_csv
from seawall.report.page import write_html

pytestmark = pytest.mark.browser

DRAWN = """() => [...document.querySelectorAll('figure.chart')].map((f) => {
  const shapes = [...f.querySelectorAll('svg .bar, svg .line')];
  const filled = shapes.filter((s) => {
    const box = s.getBBox();
    return box.width > 0 && box.height > 0;
  });
  return { key: f.id, filled: filled.length, ticks: f.querySelectorAll('svg .tick').length,
           height: f.querySelector('svg').clientHeight };
})"""

CONTRAST = """() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgb = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (c) => {
    const [r, g, b] = c.slice(0, 3).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const c = rgb(getComputedStyle(node).backgroundColor);
      if (c[3] === 255) return c;
    }
    return [255, 255, 255, 255];
  };
  const poor = [];
  for (const node of document.querySelectorAll('main *, .top *, nav *')) {
    const own = [...node.childNodes].some((c) => c.nodeType === 3 && c.textContent.trim());
    if (!own || node.disabled || !node.getClientRects().length) continue;
    const style = getComputedStyle(node);
    const ink = light(rgb(node instanceof SVGElement ? style.fill : style.color));
    const paper = light(behind(node));
    const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (ratio < 4.5) poor.push(`${node.tagName}.${node.getAttribute('class')}: ${ratio}`);
  }
  return poor;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 768, 390])
def test_it_draws_quietly_and_offline(
    visit: Any, sample: Report, report_file: Path, width: int, scheme: str
) -> None:
    visited = visit(width, scheme)
    drawn = visited.page.evaluate(DRAWN)
    assert {d["key"] for d in drawn} == {f"figure-{c.key}" for c in sample.charts}
    for chart in drawn:
        assert chart["filled"] >= 1, chart
        assert chart["ticks"] >= 3, chart
        assert chart["height"] > 120, chart
    overflow = visited.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert overflow <= 0
    assert visited.complaints == []
    assert visited.requests == [report_file.as_uri()]


def test_a_request_would_be_refused(visit: Any) -> None:
    visited = visit()
    outcome = visited.page.evaluate(
        "fetch('https://example.invalid/').then(() => 'went out', () => 'refused')"
    )
    assert outcome == "refused"
    assert any("Content Security Policy" in c for c in visited.complaints)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(visit: Any, scheme: str) -> None:
    assert visit(1440, scheme).page.evaluate(CONTRAST) == []


def test_the_theme_follows_the_system_and_the_button(visit: Any) -> None:
    page = visit(1440, "dark").page
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.get_by_role("button", name="Switch to the light theme").click()
    light = page.evaluate(ground)
    assert sum(map(int, re.findall(r"\d+", light))) > 600
    assert sum(map(int, re.findall(r"\d+", dark))) < 100
    page.reload()
    assert page.evaluate(ground) == light


def _column(page: Any, place: int) -> list[str]:
    cells: list[str] = page.evaluate(
        """(k) => [...document.querySelectorAll('.table[data-key="accounts"] tbody tr')]
           .map((row) => row.cells[k].dataset.v ?? row.cells[k].textContent)""",
        place,
    )
    return cells


@pytest.mark.parametrize("title", ["Notional", "Liquidation price", "Account"])
def test_tables_sort_both_ways_with_unknown_last(visit: Any, sample: Report, title: str) -> None:
    page = visit().page
    table = sample.main_table()
    assert table is not None
    place = [c.title for c in table.columns].index(title)
    head = page.locator('.table[data-key="accounts"] th').nth(place)
    for turn in range(2):
        head.get_by_role("button").click()
        order = head.get_attribute("aria-sort")
        cells = _column(page, place)
        known = [c for c in cells if c]
        assert cells[len(known) :] == [""] * (len(cells) - len(known))
        if title == "Account":
            assert (order == "ascending") == (turn == 0)
            assert len(set(known)) == len(known) == 200
        else:
            values = [float(c) for c in known]
            assert values == sorted(values, reverse=order == "descending")
            assert (order == "descending") == (turn == 0)


def test_rows_are_cut_and_shown_on_request(visit: Any) -> None:
    page = visit().page
    rows = page.locator('.table[data-key="accounts"] tbody tr:visible')
    assert rows.count() == 25
    page.get_by_role("button", name="Show all 200 rows").click()
    assert rows.count() == 200
    page.get_by_role("button", name="Show the first 25").click()
    assert rows.count() == 25
    assert page.get_by_text("23,471 of 23,671 rows are left out").is_visible()


def test_csv_from_the_page_is_the_csv_of_the_command(visit: Any, sample: Report) -> None:
    page = visit().page
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as CSV: Largest accounts that fall").click()
    assert saved.value.suggested_filename == "accounts.csv"
    ours = list(csv.reader(io.StringIO(to_csv(sample, "accounts"))))
    theirs = list(csv.reader(io.StringIO(Path(saved.value.path()).read_text("utf-8"))))
    assert theirs == ours


def test_a_charts_values_can_be_saved(visit: Any, sample: Report) -> None:
    page = visit().page
    with page.expect_download() as saved:
        page.locator("#figure-ladder").get_by_role("button", name="Save this chart").click()
    rows = list(csv.reader(io.StringIO(Path(saved.value.path()).read_text("utf-8"))))
    chart = next(c for c in sample.charts if c.key == "ladder")
    assert rows[0] == ["Shock to BTC", *(s.name for s in chart.series), "5–95% low", "5–95% high"]
    assert len(rows) == 61
    saved_line = np.array([float(row[1]) for row in rows[1:]])
    assert np.allclose(saved_line, chart.series[0].y, rtol=1e-6)


def test_a_hostile_name_is_a_name(visit: Any) -> None:
    visited = visit()
    assert visited.page.get_by_role("cell", name=HOSTILE).count() == 1
    assert visited.page.evaluate("document.querySelectorAll('script').length") == 2


def test_pointer_reads_values_and_drag_zooms(visit: Any) -> None:
    page = visit().page
    figure = page.locator("#figure-map")
    figure.scroll_into_view_if_needed()
    frame = figure.locator("svg").bounding_box()
    middle = frame["y"] + frame["height"] / 2
    page.mouse.move(frame["x"] + frame["width"] * 0.72, middle)
    figure.locator(".tip").filter(has_text=re.compile(r"BTC price 9\d,\d{3}")).wait_for()
    page.mouse.move(frame["x"] + frame["width"] * 0.6, middle)
    page.mouse.down()
    page.mouse.move(frame["x"] + frame["width"] * 0.8, middle, steps=4)
    page.mouse.up()
    ticks = figure.locator("svg .tick").all_text_contents()
    prices = [float(t.replace(",", "")) for t in ticks if re.fullmatch(r"[\d,]{6,}", t)]
    assert prices
    assert min(prices) > 86_600
    figure.get_by_role("button", name="Show the whole range").click()
    assert "70,000" in figure.locator("svg .tick").all_text_contents()


def test_keys_read_values_aloud(visit: Any, sample: Report) -> None:
    page = visit().page
    chart = next(c for c in sample.charts if c.key == "rounds")
    page.locator("#figure-rounds svg").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    spoken = page.locator("#figure-rounds .spoken").inner_text()
    assert n.text(float(chart.series[0].y[0]), Unit.USD) in spoken
    assert n.text(float(f"{chart.series[2].y[1]:.7g}"), Unit.PRICE) in spoken
    page.keyboard.press("Escape")
    assert page.locator("#figure-rounds .tip").is_hidden()


def test_the_ladder_grows_to_the_right(visit: Any) -> None:
    page = visit().page
    places = page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll('#figure-ladder svg .tick')]
           .map((t) => [t.textContent, t.getBoundingClientRect().left]))"""
    )
    assert places["-10%"] < places["-30%"] < places["-60%"]


def test_the_waterfall_ends_at_what_is_left(visit: Any) -> None:
    page = visit().page
    values = page.locator("#figure-losses svg .value").all_text_contents()
    assert values == ["$142 M", "-$31.0 M", "-$74.0 M", "-$26.0 M", "$0", "$11.0 M"]


def test_series_can_be_hidden_and_shown(visit: Any) -> None:
    page = visit().page
    figure = page.locator("#figure-venues")
    key = figure.get_by_role("button", name="Shorts")
    before = figure.locator("svg .bar").count()
    key.click()
    assert key.get_attribute("aria-pressed") == "false"
    assert figure.locator("svg .bar").count() == before // 2
    key.click()
    assert figure.locator("svg .bar").count() == before


def test_everything_that_acts_can_be_reached_by_key(visit: Any) -> None:
    page = visit().page
    unreachable = page.evaluate(
        """() => [...document.querySelectorAll('button, a, svg[role=img], .scroll')]
           .filter((node) => node.tabIndex < 0).length"""
    )
    assert unreachable == 0
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button')]
           .filter((b) => !(b.getAttribute('aria-label') || b.textContent).trim()).length"""
    )
    assert nameless == 0


def test_the_scripts_numbers_are_pythons_numbers(visit: Any) -> None:
    rng = np.random.default_rng(11)
    values = [0.0, 0.5, 2.5, 0.125, 1.005, 999.5, 999_499.9, 9.995e8, 1e15, 1e22, 5e-7, 1e-12]
    values += [10.0**k for k in range(-12, 22)]
    values += (10 ** rng.uniform(-10, 18, 400)).tolist()
    values += [-v for v in values]
    units = [u for u in Unit if u not in (Unit.TEXT, Unit.TIME)]
    page = visit().page
    for unit in units:
        theirs = page.evaluate(
            "([values, unit]) => values.map((v) => seawall.text(v, unit))", [values, unit.value]
        )
        ours = [n.text(v, unit) for v in values]
        assert theirs == ours
    assert page.evaluate("seawall.text(null, 'usd')") == n.text(math.nan, Unit.USD)
    assert page.evaluate("seawall.text(Infinity, 'factor')") == n.text(math.inf, Unit.FACTOR)


def test_an_empty_report_opens_quietly(visit: Any, tmp_path: Path) -> None:
    path = write_html(Report("seawall.test/1", "Nothing found"), tmp_path / "empty.html")
    visited = visit(390, path=path)
    assert visited.complaints == []
    assert json.loads(visited.page.evaluate("JSON.stringify(seawall.charts)")) == []


def _odd_charts() -> tuple[Chart, ...]:
    def chart(key: str, kind: ChartKind, *series: Series, **options: Any) -> Chart:
        unit = Unit.TEXT if kind is ChartKind.BARS else Unit.PRICE
        return Chart(key, f"Odd: {key}", kind, "x", unit, "y", Unit.USD, series, **options)

    many = np.linspace(1e-5, 2e-5, 3_000)
    return (
        chart("no series", ChartKind.PROFILE),
        chart("no points", ChartKind.LADDER, Series("a", [], [])),
        chart("one point", ChartKind.ROUNDS, Series("a", [1], [5.0])),
        chart('quoted "key" <b>', ChartKind.PROFILE, Series("a", [1.0, 2.0], [0.0, 0.0])),
        chart("all unknown", ChartKind.CURVE, Series("a", [0.0, 1.0], [math.nan, math.nan])),
        chart("one value", ChartKind.CURVE, Series("a", [0.0, 1.0], [7.0, 7.0])),
        chart("both ways", ChartKind.LADDER, Series("a", [-0.2, 0.1, 0.3], [-5.0, 1.0, 9.0])),
        chart("many bins", ChartKind.PROFILE, Series("a", many, many * 1e12)),
        chart("no bars", ChartKind.BARS, Series("a", [], [])),
        chart("losses only", ChartKind.BARS, Series("a", ["p", "q"], [-3e6, math.nan])),
        chart("sunk", ChartKind.BARS, Series("a", ["p", "q", "r"], [-3.0, 1.0, math.nan]),
              steps=True),
        chart("long name", ChartKind.BARS, Series("a", ["name " * 30], [1e6])),
        chart("crowd", ChartKind.PROFILE, Series("a", [1.0, 2.0, 3.0], [1.0, 2.0, 1.0]),
              marks=tuple(Marker(1 + k / 20, f"cluster {k}") for k in range(40))),
    )  # fmt: skip


@pytest.mark.parametrize("width", [1440, 390])
def test_odd_charts_draw_without_complaint(visit: Any, tmp_path: Path, width: int) -> None:
    odd = Report("seawall.test/1", "Odd " * 40, charts=_odd_charts())
    visited = visit(width, path=write_html(odd, tmp_path / "odd.html"))
    page = visited.page
    assert page.locator("figure.chart svg").count() == len(odd.charts)
    for figure in page.locator("figure.chart svg").all():
        figure.focus()
        for key in ("ArrowRight", "End", "ArrowLeft", "Escape"):
            page.keyboard.press(key)
    for button in page.get_by_role("button", name="Zoom in").all():
        button.click()
    assert visited.complaints == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    drawn = page.evaluate("[...document.querySelectorAll('svg *')].map((n) => n.outerHTML).join()")
    assert "NaN" not in drawn
    assert "Infinity" not in drawn


def test_print_is_light_and_without_controls(visit: Any) -> None:
    page = visit(1440, "dark").page
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator("button:visible").count() == page.locator("th button, button.key").count()
    ink = page.evaluate("getComputedStyle(document.querySelector('h1')).color")
    assert sum(map(int, re.findall(r"\d+", ink))) < 150
