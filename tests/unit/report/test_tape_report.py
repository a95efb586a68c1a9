"""The tape's reports: what they say, and that their JSON fits its schema."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from tests.unit.risk import tapes

from seawall.app import tape_stats
from seawall.core import InputError
from seawall.core.tape import Coverage, Tape, empty_tape
from seawall.report import Report
from seawall.report.encode import to_csv, to_json
from seawall.report.page import write_html
from seawall.report.page.render import render_html
from seawall.report.schema import schema_of
from seawall.report.tape_beside import Against, Beside, Outage, Window
from seawall.report.tape_compare import compare_report
from seawall.report.tape_ground import together_lines
from seawall.risk import coverage_check as made
from seawall.risk.coverage import Shows
from seawall.risk.tape_statistics import Rank
from seawall.risk.together import Together

HOUR = 3600 * made.SECOND
WINDOW = Window("a tape", made.START, made.START + HOUR)


def _document(report: Report) -> Any:
    document = json.loads(to_json(report))
    validator = Draft202012Validator(schema_of(document["schema"]))
    assert [f"{e.json_path}: {e.message}" for e in validator.iter_errors(document)] == []
    return document


@pytest.fixture
def three_venues() -> Tape:
    """One complete, one throttled, one that shows a part; the latter two of smaller figures."""
    rng = np.random.default_rng(3)
    rate = made.constant(0.8, 3600, rng)
    parts = [made.whole(rate, rng, spread=0.8) for _ in range(3)]
    parts[1] = made.thinned(parts[1], Shows.LATEST)
    parts[2] = parts[2].take(slice(0, 200))
    n = [len(p) for p in parts]
    return tapes.tape_of(
        time=np.concatenate([p.time for p in parts]),
        notional=np.concatenate([p.notional for p in parts]),
        side=np.concatenate([p.side for p in parts]),
        venue=np.repeat([0, 1, 2], n),
        coverage=np.repeat([Coverage.ALL, Coverage.ONE_A_SLOT, Coverage.SAMPLE], n),
        venues=("bybit", "binance_usdm", "hyperliquid"),
        instruments=("BTCUSDT",),
        assets=("BTC",),
    )


def test_json_of_statistics(three_venues):
    volume, interest = Against(1e12, 2e9, "BTC on bybit"), Against(1e11, 5e9, "as given")
    beside = Beside(volume, interest, Rank(2, 30, 0.9), "30 recorded", {"bybit": "everything"})
    made_report = tape_stats.stats_of(three_venues, WINDOW, ("venue", "side"), beside)
    got = _document(made_report)
    assert got["events"] == len(three_venues)
    assert got["notional_usd"] == pytest.approx(three_venues.notional.sum())
    assert got["long_usd"] + got["short_usd"] == pytest.approx(got["notional_usd"])
    labels = {v["venue"]: v["label"] for v in got["by_venue"]}
    assert labels == {
        "bybit": "measured", "binance_usdm": "modelled", "hyperliquid": "lower bound",
    }  # fmt: skip
    assert sum(v["share"] for v in got["by_venue"]) == pytest.approx(1.0)
    assert sum(v["notional_usd"] for v in got["by_venue"]) == pytest.approx(got["notional_usd"])
    for v in got["by_venue"]:
        assert v["share_low"] <= v["share"] <= v["share_high"]
        assert v["estimated_low"] <= v["estimated_usd"]
    throttled = next(v for v in got["by_venue"] if v["venue"] == "binance_usdm")
    assert throttled["share"] > throttled["share_shown"]
    # what hyperliquid does not show may be of any size: the others' shares have no lower end
    ends = {
        v["venue"]: (v["share_low"], v["share_high"], v["share_label"]) for v in got["by_venue"]
    }
    assert ends["bybit"][0] == ends["binance_usdm"][0] == 0.0
    assert ends["bybit"][1] < 0.6
    assert ends["bybit"][2] == ends["binance_usdm"][2] == "upper bound"
    assert 0.0 < ends["hyperliquid"][0] < 0.1
    assert ends["hyperliquid"][1:] == (1.0, "lower bound")
    (words,) = (w for w in got["warnings"] if "only a part" in w)
    assert "at least the lower end" in words
    assert "other venues are at most the upper end" in words
    assert "neither" not in words
    assert got["top3_share"] == pytest.approx(1.0)
    assert got["label"] == "lower bound"
    assert got["estimate"]["notional_usd"]["high"] is None
    assert got["largest"]["notional_usd"] == pytest.approx(three_venues.notional.max())
    assert sum(m["events"] for m in got["by_minute"]) == got["events"]
    assert {(g["venue"], g["side"]) for g in got["groups"]} == {
        (v, s) for v in labels for s in ("long", "short")
    }
    assert got["rank"] == {"place": 2, "days": 30, "share_below": 0.9, "among": "30 recorded"}
    assert (got["volume_share"], got["volume_of"]) == (0.002, "BTC on bybit")
    assert (got["open_interest_share"], got["open_interest_forced_usd"]) == (0.05, 5e9)
    assert any("only a part" in w for w in got["warnings"])


def test_page_and_csv(three_venues, tmp_path):
    report = tape_stats.stats_of(three_venues, WINDOW, ("asset",))
    page = tmp_path / "tape.html"
    write_html(report, page)
    assert "binance_usdm" in page.read_text()
    lines = to_csv(report).splitlines()
    assert lines[0].split(",")[:3] == ["venue", "events", "notional_usd"]
    assert len(lines) == 4


def test_gaps_are_told_in_the_table_the_json_and_on_the_page(three_venues, tmp_path):
    start = made.START + 600 * made.SECOND
    outages = (
        Outage("bybit", start, start + 60 * made.SECOND, "not heard from A to B: silent", 7),
        Outage("bybit", start, start + made.SECOND, "had afterwards", missing=False),
    )
    report = tape_stats.stats_of(three_venues, WINDOW, beside=Beside(outages=outages))
    got = _document(report)
    assert [(g["why"], g["lost"], g["missing"]) for g in got["outages"]] == [
        ("not heard from A to B: silent", 7, True),
        ("had afterwards", 0, False),
    ]
    assert "bybit is a lower bound: not heard from A to B: silent." in got["warnings"]
    assert {v["venue"]: v["label"] for v in got["by_venue"]}["bybit"] == "lower bound"
    page = tmp_path / "tape.html"
    write_html(report, page)
    assert "not heard from A to B: silent" in page.read_text()
    (table,) = (t for t in report.tables if t.key == "outages")
    assert len(table.rows) == 2


def test_empty_tape():
    got = _document(tape_stats.stats_of(empty_tape(), WINDOW))
    assert (got["events"], got["by_venue"], got["largest"]) == (0, [], None)
    assert got["top3_share"] is None
    assert got["answer"] == ["Nothing was liquidated, as far as the tape shows."]


def test_compare(three_venues):
    half = three_venues.take(three_venues.time < made.START + HOUR // 2)
    ends = (made.START, made.START + HOUR - 1)
    first, second = (tape_stats.figures_of(t, ends)[0] for t in (half, three_venues))
    got = _document(compare_report(first, second, ("2023-11-14", "2023-11-15"), "a tape"))
    assert got["figures"]["events"]["second"] == len(three_venues)
    assert got["figures"]["events"]["ratio"] == pytest.approx(len(three_venues) / len(half))
    assert got["figures"]["adl_usd"]["ratio"] is None


def test_unknown_group(three_venues):
    with pytest.raises(InputError, match="nothing to break down by"):
        tape_stats.stats_of(three_venues, WINDOW, ("colour",))
    with pytest.raises(InputError, match="named twice"):
        tape_stats.stats_of(three_venues, WINDOW, ("venue", "venue"))


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (Together(), ["v, w: no venue that shows all", "allow for 2 in the mean"]),
        (Together(1.0, 1.034, ("bybit",)), ["on bybit", "by chance", "1.03 times"]),
        (Together(1.31, 1.52, ("bybit", "u")), ["on bybit, u", "1.31 times", "with 1.52 times"]),
    ],
)
def test_it_is_said_what_is_taken_of_orders_in_one_instant(
    told: Together, words: list[str]
) -> None:
    (line,) = together_lines({"w": told, "v": told})
    assert [w for w in words if w not in line] == []
    assert len(together_lines({"v": told, "w": Together(3.0, 3.0, ("x",))})) == 2


@pytest.mark.parametrize("rule", ["latest", "pause"])
def test_it_is_said_whether_slots_or_a_pause_were_taken(rule: str) -> None:
    rng = np.random.default_rng(3)
    everything = made.whole(made.constant(0.8, 3600, rng), rng)
    seen = made.thinned_by(everything, made.RULES[rule])
    got = _document(tape_stats.stats_of(seen, WINDOW))
    fixed = [a for a in got["assumptions"] if a["text"].startswith("v: the slots of which")]
    paused = [w for w in got["warnings"] if w.startswith("v show events that are never closer")]
    assert (len(fixed), len(paused)) == ((1, 0) if rule == "latest" else (0, 1))
    events = got["estimate"]["events"]
    assert events["low"] <= len(everything) <= events["high"]


@pytest.mark.parametrize("coverage", [Coverage.ALL, Coverage.ONE_A_SLOT, Coverage.SAMPLE])
def test_what_events_not_shown_may_move_is_called_as_shown_on_every_face(
    coverage: Coverage,
) -> None:
    tape = made.whole(np.full(3600, 0.3), np.random.default_rng(4))
    if coverage is Coverage.ONE_A_SLOT:
        tape = made.thinned(tape, Shows.LATEST)
    tape = replace(tape, coverage=np.full(len(tape), coverage, dtype=np.int8))
    report = tape_stats.stats_of(tape, WINDOW)
    kinds = {h.key: h.kind.value for h in report.headlines}
    told = "measured" if coverage is Coverage.ALL else "as shown"
    assert (kinds["long_share"], kinds["longest_run"]) == (told, told)
    assert _document(report)["longest_run"]["label"] == told
    assert kinds["events"] == ("measured" if coverage is Coverage.ALL else "lower bound")
    if told == "as shown":
        assert "may move it either way" in render_html(report)
