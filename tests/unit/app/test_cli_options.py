"""What the options mean: two ways of saying one thing give one result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

SMALL = ("--draws", "0", "--ladder", "-5%", "--format", "json")


@pytest.fixture
def stress(book: Path, run: Any) -> Any:
    """The JSON of a stress test of the small book."""

    def command(*options: str) -> Any:
        shock = () if "--shock" in options else ("--shock", "BTC=-10%")
        done = run("stress", book, *shock, *options, *SMALL)
        assert done.code == 0, done.err
        return json.loads(done.out)

    return command


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (("BTC=-10%",), {"BTC": -0.1}),
        (("BTC=-0.1",), {"BTC": -0.1}),
        (("btc=-10%",), {"BTC": -0.1}),
        (("BTC=-10%", "ETH=+5%"), {"BTC": -0.1, "ETH": 0.05}),
        (("BTC=-10%,ETH=5%",), {"BTC": -0.1, "ETH": 0.05}),
        (("ALL=-3%",), {"ALL": -0.03}),
        (("all=-3%", "ETH=-99.5%"), {"ALL": -0.03, "ETH": -0.995}),
        (("BTC=250%",), {"BTC": 2.5}),
    ],
)
def test_forms_of_a_shock(said: tuple[str, ...], meant: dict[str, float], stress: Any) -> None:
    found = stress(*(part for s in said for part in ("--shock", s)))
    assert found["parameters"]["shock"] == pytest.approx(meant)
    for asset in ("BTC", "ETH"):
        change = meant.get(asset, meant.get("ALL", 0.0))
        row = found["assets"][asset]
        assert row["price_after_shock"] == pytest.approx(row["price_before"] * (1 + change))


@pytest.mark.parametrize(
    ("said", "usd"),
    [
        ("BTC=250e6", 250e6),
        ("BTC=250M", 250e6),
        ("BTC=250mn", 250e6),
        ("btc=0.25bn", 250e6),
        ("BTC=250_000_000", 250e6),
        ("BTC=250000k", 250e6),
    ],
)
def test_forms_of_a_depth(said: str, usd: float, stress: Any) -> None:
    found = stress("--depth", said)
    assert found["parameters"]["depth_usd"]["BTC"] == pytest.approx(usd)
    assert found["parameters"]["depth_given"] == ["BTC"]


def test_infinite_depth_moves_no_price(stress: Any) -> None:
    found = stress("--depth", "BTC=inf,ETH=inf")
    assert found["parameters"]["depth_usd"] == {"BTC": None, "ETH": None}
    btc = found["assets"]["BTC"]
    assert btc["forced_notional_usd"] > 0
    assert btc["price_final"] == btc["price_after_shock"]
    assert found["totals"]["cascade_multiplier"] == 1.0


def test_a_share_left_and_a_multiple_of_thinning_are_one_thing(stress: Any) -> None:
    by_share, by_multiple = stress("--thinning", "0.25"), stress("--thinning", "4")
    assert by_share["parameters"].pop("thinning") == 0.25
    assert by_multiple["parameters"].pop("thinning") == 4
    assert by_share == by_multiple
    assert by_share["parameters"]["depth_remaining"] == 0.25


def test_a_thinner_book_moves_further(stress: Any) -> None:
    calm, thin = stress("--thinning", "1"), stress("--thinning", "20")
    assert thin["assets"]["BTC"]["price_final"] < calm["assets"]["BTC"]["price_final"]


def test_one_fund_behind_all_and_funds_by_venue(stress: Any) -> None:
    pooled = stress("--fund", "3M")
    assert pooled["totals"]["fund_pooled"] is True
    assert pooled["totals"]["fund_before_usd"] == 3e6
    own = stress("--fund", "binance=1M,hyperliquid=2e6", "--fund", "bybit=0")
    assert own["totals"]["fund_pooled"] is False
    before = {name: v["fund_before_usd"] for name, v in own["venues"].items()}
    assert {k: before[k] for k in ("binance_usdm", "hyperliquid", "bybit")} == {
        "binance_usdm": 1e6,
        "hyperliquid": 2e6,
        "bybit": 0.0,
    }
    assert before["okx"] > 0, "a venue not named keeps its rulebook's fund"


def test_binance_is_either_binance_in_the_book(tmp_path: Path, run: Any) -> None:
    path = tmp_path / "both.csv"
    path.write_text(
        "account,venue,instrument,size,entry_price,mark_price,leverage\n"
        "a,binance,BTCUSDT,1,86000,86600,10\nb,binance,BTCUSD_PERP,500,86000,86600,10\n"
    )
    done = run("stress", path, "--shock", "BTC=-20%", "--fund", "Binance=7", *SMALL)
    assert done.code == 0, done.err
    venues = json.loads(done.out)["venues"]
    assert {k: v["fund_before_usd"] for k, v in venues.items()} == {
        "binance_usdm": 7,
        "binance_coinm": 7,
    }


def test_ladder_follows_the_sign_and_the_order_of_size(book: Path, run: Any) -> None:
    for shock, sign in (("BTC=-10%", -1), ("BTC=+10%", 1)):
        done = run(
            *("stress", book, "--shock", shock, "--ladder", "-20%,5%,-0.1", "--draws", "0"),
            *("--format", "json"),
        )
        steps = [r["step"] for r in json.loads(done.out)["ladder"]]
        assert steps == pytest.approx([sign * 0.05, sign * 0.1, sign * 0.2])


def test_the_smallest_shock_that_liquidates_an_amount(stress: Any) -> None:
    goal = 100e3
    found = stress("--liquidates", "100k")
    asked = next(r for r in found["reverse"] if r["goal"] == "liquidates_usd")
    step = asked["shock"]["BTC"]
    assert asked["forced_notional_usd"] >= goal
    enough = stress("--shock", f"BTC={step * 100}%")
    short = stress("--shock", f"BTC={step * 100 + 0.02}%")
    assert enough["totals"]["forced_notional_usd"] >= goal
    assert short["totals"]["forced_notional_usd"] < goal


def test_more_than_the_book_holds_is_reached_by_no_shock(stress: Any) -> None:
    found = stress("--liquidates", "1e15")
    asked = next(r for r in found["reverse"] if r["goal"] == "liquidates_usd")
    assert asked == {"goal": "liquidates_usd", "shock": None, "forced_notional_usd": None}


def test_bands_follow_draws_and_seed(book: Path, run: Any) -> None:
    def totals(*options: str) -> Any:
        done = run(
            *("stress", book, "--shock", "BTC=-10%", "--ladder", "-5%", "--format", "json"),
            *options,
        )
        return json.loads(done.out)["assets"]["BTC"]

    one, again, other = (totals("--draws", "32", "--seed", s) for s in ("1", "1", "2"))
    assert one == again
    assert one["price_final_low"] < one["price_final"] < one["price_final_high"]
    assert other["price_final_low"] != one["price_final_low"]
    given = totals("--thinning", "1", "--impact-exponent", "1")
    assert given["price_final_low"] is None, "nothing given is uncertain"


def test_sigma_scales_distances(book: Path, run: Any) -> None:
    def sigmas(daily: str) -> Any:
        done = run("check", book, "--sigma", f"BTC={daily}", "--format", "json")
        return [p["sigmas"] for p in json.loads(done.out)["positions"] if "BTC" in p["instrument"]]

    assert sigmas("2%") == pytest.approx([2 * s for s in sigmas("0.04")])


def test_marks_and_time_and_venue_given_by_option(tmp_path: Path, run: Any) -> None:
    path = tmp_path / "bare.csv"
    path.write_text(
        "account,instrument,size,entry_price,leverage,time\n"
        "a,BTC,1,86000,10,2025-11-20T10:00Z\na,BTC,2,86000,10,2025-11-20T11:00Z\n"
    )
    refused = run("check", path)
    assert refused.code == 2
    assert "mark_price" in refused.err
    done = run(
        *("check", path, "--price", "BTC=86.6k", "--venue", "hyperliquid", "--format", "json"),
        *("--at", "2025-11-20T10:30Z"),
    )
    assert done.code == 0, done.err
    document = json.loads(done.out)
    (position,) = document["positions"]
    assert (position["mark_price"], position["venue"], position["size"]) == (
        86_600,
        "Hyperliquid",
        1,
    )
    assert document["inputs"]["time"] == "2025-11-20T10:30:00Z"


def test_partial_steps_force_less_at_once(tmp_path: Path, run: Any) -> None:
    """Hyperliquid closes a fifth of a large position first."""
    path = tmp_path / "large.csv"
    path.write_text(
        "account,venue,instrument,size,entry_price,mark_price,margin_mode,wallet_balance\n"
        "a,hyperliquid,BTC,100,100000,100000,cross,600000\n"
    )
    arguments = ("stress", path, "--shock", "BTC=-5%", "--depth", "BTC=inf", *SMALL)
    full = json.loads(run(*arguments).out)
    partial = json.loads(run(*arguments, "--partial").out)
    assert full["rounds"][0]["forced_notional_usd"] == pytest.approx(100 * 95_000)
    assert partial["parameters"]["partial"] is True
    assert partial["rounds"][0]["forced_notional_usd"] == pytest.approx(20 * 95_000)


def test_market_names_the_clusters_of_another_book(book: Path, run: Any) -> None:
    own = book.with_name("own.csv")
    own.write_text("\n".join(book.read_text().splitlines()[:2]) + "\n")
    done = run("check", own, "--market", book, "--format", "json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert {c["side"] for c in document["clusters"]["BTC"]} == {"long", "short"}
    assert list(document["clusters"]) == ["BTC"]


def test_map_of_chosen_assets_on_a_chosen_grid(book: Path, run: Any) -> None:
    done = run(
        *("map", book, "--asset", "eth", "--span", "20%", "--step", "10", "--format", "json")
    )
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert list(document["maps"]) == ["ETH"]
    edges = document["maps"]["ETH"]["edges"]
    assert edges[1] - edges[0] == 10
    assert edges[0] <= 2830 * 0.8 <= edges[1]
    assert edges[-2] <= 2830 * 1.2 <= edges[-1]


def test_explain_follows_a_row_to_its_fall(book: Path, run: Any) -> None:
    done = run("explain", book, "--row", "1", "--shock", "BTC=-10%", "--format", "json")
    document = json.loads(done.out)
    assert document["fall"][-1]["event"] == "liquidated"
    assert document["fall"][-1]["price"] == pytest.approx(77_940)
    by_what = {s["what"]: s["value"] for s in document["steps"]}
    check = json.loads(run("check", book, "--format", "json").out)["positions"][0]
    assert by_what["as the venue prints it"] == check["liquidation_price"]
    assert by_what["maintenance margin"] == check["maintenance_margin"]
    unshocked = json.loads(run("explain", book, "--row", "1", "--format", "json").out)
    assert unshocked["fall"] == []


def test_explain_prints_every_step(book: Path, run: Any) -> None:
    shown = run("explain", book, "--row", "1").out
    assert "bankruptcy price" in shown
    assert "more row" not in shown
