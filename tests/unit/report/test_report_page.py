from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from seawall.core import InputError, InternalError
from seawall.report import Chart, ChartKind, Column, Report, Section, Series, Table, Unit
from seawall.report.page import render_html, write_html
from seawall.report.page.figures import ROWS_ON_PAGE
from seawall.report.page.markup import anchor, filled, prose, script_json


class Page(HTMLParser):
    """Elements, their attributes and their texts, as a browser would take them."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        for tag in self.inside[-1:]:
            self.texts.setdefault(tag, []).append(data)

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def test_hostile_names_stay_words(report: Report) -> None:
    text = render_html(report)
    page = Page(text)
    assert len(page.attributes("script")) == 2
    assert "<script>alert(1)</script>" in page.texts["td"]
    assert "A & B" in page.texts["h1"]
    assert text.count("</script>") == 2
    chart = json.loads(page.texts["script"][0])[0]
    assert chart["title"] == "The map </script><b>"


def test_attributes_cannot_be_broken_out_of() -> None:
    column = Column("k", 'T" onclick="x', note='n" onfocus="y')
    table = Table("t", 'a" onload="z', (column,), (('v" x="',),))
    page = Page(render_html(Report("s/1", 'T"<i>', tables=(table,))))
    named = {name for _, attrs in page.tags for name in attrs}
    assert not {n for n in named if n.startswith("on")}
    assert "x" not in named


def test_policy_admits_exactly_the_inline_parts_and_no_address(report: Report) -> None:
    text = render_html(report)
    page = Page(text)
    policy = next(a["content"] for a in page.attributes("meta") if "http-equiv" in a)
    assert policy is not None
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        inline = page.texts[tag][-1]
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{rule} 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    links = [a.get("src") or a.get("href") for _, a in page.tags]
    assert all(link is None or link.startswith(("#", "data:")) for link in links)
    addresses = set(re.findall(r"https?://[^\s\"'<]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}  # a namespace, never fetched


def test_same_report_same_bytes(report: Report) -> None:
    assert render_html(report) == render_html(report)


def test_every_part_of_the_report_is_on_the_page(report: Report) -> None:
    text = render_html(report).replace("\u00a0", " ")
    for words in (
        "It stops at 79,000.",
        "$36.8 M",
        "5–95%: $30.0 M … $50.0 M",
        "modelled",
        "Depth is 1%.",
        "a study",
        "One row set aside.",
        "book.csv",
        "1,234",
        "ab12",
        "seawall.test/1",
        "UTC",
        "Over price.",
    ):
        assert words in text
    assert "7 of 10 rows are left out" in text


def test_cells_carry_the_raw_value_beside_the_words(report: Report) -> None:
    cells = {a.get("data-v") for a in Page(render_html(report)).attributes("td")}
    assert {"1500000.0", "-0.1", "true", "0.30000000000000004"} <= cells


def test_big_tables_are_cut_at_a_stated_number() -> None:
    columns = {Column("k", "K", Unit.COUNT): np.arange(100_000)}
    table = Table.of_columns("t", "T", columns, total=250_000)
    text = render_html(Report("s/1", "T", tables=(table,)))
    assert text.count("<tr>") == ROWS_ON_PAGE + 1
    assert f"Show all {ROWS_ON_PAGE} rows" in text
    assert f"{250_000 - ROWS_ON_PAGE:,} of 250,000 rows are left out" in text


def test_chart_numbers_are_short_and_gaps_are_null() -> None:
    chart = Chart(
        "c",
        "C",
        ChartKind.CURVE,
        "x",
        Unit.FRACTION,
        "y",
        Unit.FRACTION,
        (Series("a", np.array([0.0, 1 / 3, 1.0]), [0.0, np.nan, np.float32(1)]),),
    )
    page = Page(render_html(Report("s/1", "T", charts=(chart,))))
    series = json.loads(page.texts["script"][0])[0]["series"][0]
    assert series["x"] == [0, 0.3333333, 1]
    assert series["y"] == [0, None, 1]
    assert series["shape"] == "line"


def test_a_figure_without_a_pair_takes_the_whole_width() -> None:
    def bars(key: str) -> Chart:
        return Chart(
            key, key, ChartKind.BARS, "", Unit.TEXT, "y", Unit.USD, (Series("a", ["p"], [1.0]),)
        )

    charts = tuple(bars(k) for k in "abc")
    report = Report("s/1", "T", charts=charts, sections=(Section("S", ("a", "b", "c")),))
    classes = [a["class"] for a in Page(render_html(report)).attributes("figure")]
    assert classes == ["card chart", "card chart", "card chart wide"]


def test_anchors_are_unique_and_all_contents_lead_somewhere(report: Report) -> None:
    twice = replace(report, sections=(Section("Where", ("map",)), Section("Where", ("small",))))
    page = Page(render_html(twice))
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(set(ids)) == len(ids)
    assert {a["href"] for a in page.attributes("a")} <= {f"#{i}" for i in ids}
    assert anchor("Who pays?") == "s-who-pays"
    assert anchor("✓") == "s-section"


def test_a_number_keeps_its_unit_on_its_line() -> None:
    assert prose("pays $74.0 M & keeps 3 maps") == "pays $74.0\u00a0M &amp; keeps 3 maps"


def test_slots_are_filled_once_and_completely() -> None:
    assert filled("{{a}}-{{b}}", {"a": "{{b}}", "b": "x"}) == "{{b}}-x"
    with pytest.raises(InternalError, match="slots"):
        filled("{{a}}", {"b": ""})
    assert script_json("</script>\u2028&") == '"\\u003c/script\\u003e\\u2028\\u0026"'


def test_write_html_is_whole_or_refused(report: Report, tmp_path: Path) -> None:
    target = write_html(report, tmp_path / "out.html")
    assert target.read_text("utf-8") == render_html(report)
    with pytest.raises(InputError, match="does not exist"):
        write_html(report, tmp_path / "absent" / "out.html")
    assert [p.name for p in tmp_path.iterdir()] == ["out.html"]


def test_an_empty_report_is_still_a_page() -> None:
    page = Page(render_html(Report("s/1", "Nothing")))
    assert "Nothing" in page.texts["h1"]


def test_a_long_table_stays_a_small_page() -> None:
    columns = {Column(f"c{k}", f"C{k}", Unit.USD): np.linspace(1, 1e9, 500) for k in range(10)}
    report = Report("s/1", "T", tables=(Table.of_columns("t", "T", columns),))
    assert len(render_html(report).encode()) < 600_000
