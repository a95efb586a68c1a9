"""What venues publish of their liquidations, as their rulebooks say."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from seawall.core import RuleError, parse_time
from seawall.core.tape import Coverage
from seawall.rulebook import Rules
from seawall.rulebook._feed_model import FeedModel
from seawall.rulebook.feeds import contract_sizes, feed_at, feeds_of

RULES = Rules.bundled()
TELLING = ("binance_coinm", "binance_usdm", "bybit", "deribit", "gate", "htx", "hyperliquid", "okx")
BLOCK = {
    "effective_from": "2025-01-01",
    "channel": "x",
    "coverage": "all",
    "side": "order",
    "price": "fill",
    "quantity": "base",
    "identified": "own",
    "text": "everything there is",
    "source": "a document",
}


def test_every_venue_with_a_live_feed_has_one_and_the_others_none() -> None:
    assert tuple(v for v in RULES.venues() if feeds_of(RULES, v)) == TELLING


@pytest.mark.parametrize("venue", TELLING)
def test_a_feed_is_dated_sourced_and_says_its_rule(venue: str) -> None:
    feeds = feeds_of(RULES, venue)
    assert [f.start for f in feeds] == sorted(f.start for f in feeds)
    for feed in feeds:
        assert feed.venue == venue
        assert len(feed.source) > 10
        assert len(feed.text) > 10
        slotted = feed.coverage is Coverage.ONE_A_SLOT
        assert slotted == (feed.slot_seconds > 0) == bool(feed.slot_keeps)
        assert feed.at_fill == (feed.price == "fill")


@pytest.mark.parametrize(
    ("venue", "day", "coverage", "slot"),
    [
        ("binance_usdm", "2026-11-01", Coverage.ONE_A_SLOT, 1.0),
        ("bybit", "2024-06-01", Coverage.ONE_A_SLOT, 1.0),
        ("bybit", "2025-06-01", Coverage.ALL, 0.0),
        ("gate", "2026-08-19", Coverage.ONE_A_SLOT, 1.0),
        ("gate", "2026-08-20", Coverage.ALL, 0.0),
        ("okx", "2025-10-10", Coverage.ONE_A_SLOT, 1.0),
        ("okx", "2026-11-01", Coverage.SAMPLE, 0.0),
        ("htx", "2026-11-01", Coverage.UNKNOWN, 0.0),
        ("deribit", "2010-01-01", Coverage.ALL, 0.0),
    ],
)
def test_the_rule_is_that_of_the_day(venue: str, day: str, coverage: Coverage, slot: float) -> None:
    feed = feed_at(RULES, venue, parse_time(day))
    assert (feed.coverage, feed.slot_seconds) == (coverage, slot)


def test_what_binance_keeps_of_a_slot_changed() -> None:
    assert feed_at(RULES, "binance_usdm", parse_time("2025-10-10")).slot_keeps == "latest"
    assert feed_at(RULES, "binance_usdm").slot_keeps == "largest"


def test_a_venue_without_a_feed_is_refused_with_those_that_have_one() -> None:
    assert feeds_of(RULES, "dydx") == ()
    with pytest.raises(RuleError, match=r"publishes no liquidations.*okx"):
        feed_at(RULES, "dydx")
    with pytest.raises(RuleError, match="unknown venue"):
        feeds_of(RULES, "nowhere")


def test_a_users_block_of_the_same_day_wins(tmp_path: Path) -> None:
    from seawall.rulebook.rules import BUNDLE

    folder = tmp_path / "gate"
    folder.mkdir()
    lines = [f'{k} = "{v}"' for k, v in BLOCK.items() if k != "effective_from"]
    own = ["[[feed]]", "effective_from = 2026-08-20", *lines]
    text = "\n".join(own).replace('"x"', '"futures.public_liquidates"').replace('"all"', '"sample"')
    (folder / "own.toml").write_text(text)
    rules = Rules.from_folders(BUNDLE, tmp_path)
    assert feed_at(rules, "gate").coverage is Coverage.SAMPLE
    assert len(feeds_of(rules, "gate")) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"coverage": "most"},
        {"coverage": "one_a_slot"},
        {"coverage": "one_a_slot", "slot_seconds": 1},
        {"slot_seconds": 1},
        {"side": "buy"},
        {"price": "mid"},
        {"source": ""},
        {"text": " "},
        {"push_seconds": -1},
        {"surprise": 1},
        {"effective_from": "soon"},
    ],
)
def test_a_block_is_strict(wrong: dict) -> None:
    assert FeedModel.model_validate(BLOCK).coverage == "all"
    with pytest.raises(ValidationError):
        FeedModel.model_validate(BLOCK | wrong)


def test_contract_sizes_are_those_that_a_rulebook_states() -> None:
    sizes = contract_sizes(RULES, "okx")
    assert (sizes["BTC-USDT-SWAP"], sizes["BTC-USD-SWAP"]) == (0.01, 100.0)
    assert contract_sizes(RULES, "gate")["BTC_USDT"] == 0.0001
    assert contract_sizes(RULES, "bybit") == {}
