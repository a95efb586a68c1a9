"""Numbers of venues and peers, and of a second file made from the venues' printed formulas."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from copy import deepcopy
from pathlib import Path

import pytest
import replay as replayer
from replay import KNOWN_GAP, read_vectors, replay
from siblings import FAMILIES, family, vector
from vector_inputs import RULEBOOKS, day_of

SCRIPT = Path(replayer.__file__)

# Binance FAQ b3c689c1f50a44cabb3a84e663b81d93, its one account of two positions, and Bybit help
# "Liquidation Price (USDT Contract)": as printed, to the cent
BTC = {"quantity": 109.488, "entry_price": 32481.98, "mark_price": 31967.27,
       "maintenance_margin_rate": 0.025, "maintenance_amount": 16300}  # fmt: skip
ETH = {"quantity": 3683.979, "entry_price": 1456.84, "mark_price": 1335.18,
       "maintenance_margin_rate": 0.1, "maintenance_amount": 135365}  # fmt: skip
WALLET = 1535443.01
PRINTED = [
    vector("faq-eth-isolated", "binance_usdm", {"liquidation_price": 1114.78}, **ETH),
    vector("faq-btc-isolated", "binance_usdm", {"liquidation_price": 18778.73}, **BTC),
    *(
        vector(
            f"faq-{name}-cross",
            "binance_usdm",
            {"liquidation_price": price},
            margin_mode="cross",
            extra={"symbol": f"{name}USDT"},
            other_positions=[{"symbol": f"{other}USDT", "side": "long", **rest}],
            **own,
        )
        for name, own, other, rest, price in (
            ("BTC", BTC, "ETH", ETH, 26316.89),
            ("ETH", ETH, "BTC", BTC, 1153.26),
        )
    ),
]


def shared(vectors: Path) -> list[replayer.Vector]:
    if not vectors.is_file():
        pytest.skip(f"no vectors: {vectors} is not there")
    return read_vectors(vectors)


@pytest.fixture(scope="module")
def vectors(shared_data: Path) -> list[replayer.Vector]:
    return shared(shared_data.parent / "vectors" / "margin.jsonl")


def test_every_vector_of_the_venues_with_a_rulebook_comes_out(
    vectors: list[replayer.Vector],
) -> None:
    outcomes = [replay(v) for v in vectors]
    assert [o for o in outcomes if o.status == "failed"] == []
    ours = [o for o in outcomes if o.venue in RULEBOOKS]
    assert [o.id for o in ours if o.status != "passed"] == ["binance-coinm-forum-calculator"]
    assert len(ours) >= 101


def test_the_known_gap_is_still_what_the_published_formula_gives(
    vectors: list[replayer.Vector],
) -> None:
    (gap,) = [replay(v) for v in vectors if v["strength"] == KNOWN_GAP]
    (difference,) = gap.differences
    assert gap.status == KNOWN_GAP
    assert difference.got == pytest.approx(33578.86, abs=0.005)  # the forum's own replay
    assert difference.expected == 33599.4


@pytest.mark.parametrize("one", PRINTED, ids=lambda v: v["id"])
def test_printed_examples(one: replayer.Vector) -> None:
    outcome = replay({**one, "wallet_balance": WALLET, "tolerance": {"abs": 0.005}})
    assert outcome.status == "passed", outcome


@pytest.mark.parametrize("name", FAMILIES)
def test_siblings_come_out(name: str) -> None:
    outcomes = [replay(v) for v in family(name)]
    assert [o for o in outcomes if o.status != "passed"] == []


@pytest.mark.parametrize("name", FAMILIES)
def test_a_wrong_expectation_fails(name: str) -> None:
    """No figure is an echo of what the vector expects, and no tolerance is too wide."""
    for one in family(name, times=1):
        for field, value in one["expected"].items():
            wrong = deepcopy(one)
            if isinstance(value, list):
                wrong["expected"][field] = [*value[:-1], value[-1] * 1.001]
            else:
                wrong["expected"][field] = 1.0 if value is None else value * 1.001 + 1e-6
            outcome = replay(wrong)
            assert outcome.status == "failed", (one["id"], field)
            assert [d.field for d in outcome.differences] == [field]


@pytest.mark.parametrize(
    ("texts", "year"),
    [
        ({"formula": "EP -/+ (IM-MM)/q, MM at entry price"}, "2024"),
        ({"formula": "EP-(IM-MM)/q", "note": "old (standard account) formula"}, "2024"),
        ({"formula": "liq = bust - MMR*EP"}, "2024"),
        ({"formula": "bust=EP*(1-1/lev); liq=bust+MMR*EP; both ceiled"}, "2024"),
        ({"formula": "bankruptcy=EP*(1-side/lev); value at entry"}, "2024"),
        ({"formula": "bankruptcy=EP*(1-side/lev); value at mark, fee at entry price"}, "2026"),
        ({"formula": "MM = value*MMR + fee", "note": "value at MARK by November 2025"}, "2026"),
        ({"formula": "N*(1+MMR)/(N/EP+N/(EP*lev)+extra/(1+fee)+ded)"}, "2026"),
        ({"formula": "closed form", "note": "current article, 2026-05-27"}, "2026"),
        ({"formula": "closed form", "note": "recorded in July 2024"}, "2024"),
    ],
)
def test_the_text_of_a_vector_names_the_rules_of_bybit(texts: dict[str, str], year: str) -> None:
    day = day_of({**vector("any", "bybit", {}), **texts})
    assert day is not None
    assert day.startswith(year)


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_the_script_reports_by_venue_and_ends_with_the_count(tmp_path: Path) -> None:
    good = family("okx", times=1)
    wrong = {**good[0], "id": "wrong-one", "expected": {"maintenance_margin": 1e9}}
    gap = {**wrong, "id": "gap-one", "strength": KNOWN_GAP}
    unknown = vector("elsewhere", "paradex", {"maintenance_margin": 1.0})
    marginless = {**family("gate", times=1)[0], "id": "marginless", "collateral": None}
    file = tmp_path / "second.jsonl"
    everything = [*good, wrong, gap, unknown, marginless]
    file.write_text("\n".join(json.dumps(v) for v in everything) + "\n\n", encoding="utf-8")
    done = run(file)
    lines = done.stdout.splitlines()
    assert done.returncode == 1, done.stderr
    assert lines[-1] == f"{len(good)} passed, 1 failed, 3 unsupported"
    failed = [line for line in lines if line.startswith("FAILED")]
    assert len(failed) == 1
    for word in ("wrong-one", "maintenance_margin", "expected 1000000000.0", "tolerance"):
        assert word in failed[0]
    assert any(line.startswith("known gap: gap-one") for line in lines)
    assert any(line.startswith("unsupported: paradex: 1") for line in lines)
    assert any("the margin is not stated" in line for line in lines)
    file.write_text("\n".join(json.dumps(v) for v in good), encoding="utf-8")
    assert run(file).returncode == 0
    assert run().returncode == 2


def test_the_siblings_cover_each_venue_on_both_sides() -> None:
    seen = Counter((v["venue"], v["side"]) for name in FAMILIES for v in family(name, times=1))
    for venue in (*RULEBOOKS, "gate"):
        assert seen[venue, "long"] > 0
        assert seen[venue, "short"] > 0
