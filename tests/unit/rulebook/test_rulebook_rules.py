"""Which rule applies: venue, instrument, date."""

import shutil

import numpy as np
import pytest

from seawall.core import (
    AdlTrigger,
    CloseFee,
    MaintenanceBasis,
    RulebookError,
    RuleError,
    TierUnit,
    parse_time,
)
from seawall.ingest import read_book
from seawall.rulebook import Rules
from seawall.rulebook.rules import BUNDLE

RULES = Rules.bundled()

VENUE = """
[venue]
title = "Test venue"
aliases = ["tv"]
contract_types = ["linear"]
examples = ["BTCUSDT"]
source = "made up"
"""

TERMS = """
[[rules]]
effective_from = "2024-01-01"
[rules.margin]
taker_fee = 0.001
source = "made up"
[rules.liquidation]
fee = 0.01
surplus = "fund"
partial = "full"
source = "made up"
[rules.loss]
fund_usd = 5
fund_as_of = "2024-01-01"
trigger = "fund_exhausted"
rank = "profit_times_leverage"
price = "bankruptcy"
source = "made up"
[rules.funding]
interval_hours = 8
interest = 0.0001
damper = 0.0005
source = "made up"
[rules.mark_price]
text = "index"
source = "made up"
[[rules]]
effective_from = "2025-01-01"
[rules.margin]
taker_fee = 0.002
source = "made up later"
"""

BRACKETS = """
[[brackets]]
effective_from = "2024-01-01"
source = "made up"
[brackets.any]
reason = "the strictest"
rows = [[0, 0.1, 5]]
[brackets.instruments]
BTCUSDT = [[0, 0.01, 50, 0], [1000, 0.02, 25, 10]]
"""


@pytest.fixture
def folder(tmp_path):
    venue = tmp_path / "testvenue"
    venue.mkdir()
    (venue / "venue.toml").write_text(VENUE)
    (venue / "rules.toml").write_text(TERMS)
    (venue / "brackets.toml").write_text(BRACKETS)
    return tmp_path


def at(text):
    return parse_time(text)


def test_venue_names_and_aliases():
    for name in ("binance", "Binance", "binanceusdm", "BINANCE_USDM", "binance-usdm"):
        assert RULES.canonical_venue(name) == "binance_usdm"
    assert RULES.canonical_venue("binance", "inverse") == "binance_coinm"
    assert RULES.canonical_venue("binance", "linear") == "binance_usdm"
    assert RULES.canonical_venue("binancecoinm") == "binance_coinm"
    assert RULES.canonical_venue("OKEx") == "okx"
    assert RULES.canonical_venue("Huobi") == "htx"


@pytest.mark.parametrize("name", ["ftx", "", "  "])
def test_unknown_venue_lists_those_known(name):
    with pytest.raises(RuleError, match=r"unknown venue.*binance_coinm, binance_usdm, bybit"):
        RULES.canonical_venue(name)
    with pytest.raises(RuleError, match="unknown venue"):
        RULES.terms("ftx")


def test_bybit_changes_its_regime_by_date():
    early, late = RULES.terms("bybit", at("2024-07-15")), RULES.terms("bybit", at("2025-11-20"))
    assert early.margin.maintenance_basis is MaintenanceBasis.ENTRY
    assert early.margin.close_fee is CloseFee.ENTRY
    assert late.margin.maintenance_basis is MaintenanceBasis.MARK
    assert late.margin.close_fee is CloseFee.BANKRUPTCY
    assert RULES.terms("bybit", at("2022-06-01")).margin.taker_fee == 0.0006
    assert early.margin.taker_fee == late.margin.taker_fee == 0.00055
    assert RULES.terms("bybit") == RULES.terms("bybit", at("2030-01-01"))


def test_a_section_left_out_is_kept_from_the_block_before():
    assert RULES.terms("bybit", at("2025-11-20")).loss.trigger is AdlTrigger.FUND_DRAWDOWN
    assert RULES.terms("binance_usdm", at("2025-10-10")).loss.fund_usd == 1.23e9
    assert RULES.terms("binance_usdm", at("2025-10-11")).loss.fund_usd == 1.04e9


def test_a_date_before_the_first_block_gets_it_and_says_so(folder):
    rules = Rules.from_folders(folder)
    assert rules.terms("testvenue", at("2020-05-05")).margin.taker_fee == 0.001
    notes = rules.terms_notes("testvenue", at("2020-05-05"))
    assert any("no rules older than 2024-01-01" in n and "2020-05-05" in n for n in notes)
    assert any("insurance fund" in n for n in notes)
    assert rules.terms_notes("testvenue", at("2024-01-20")) == ()
    found = rules.bracket("testvenue", "BTCUSDT", at("2020-05-05"))
    assert found.early
    assert found.seen == "2024-01-01"


def test_the_first_instant_of_a_day_is_in_its_block(folder):
    rules = Rules.from_folders(folder)
    start = at("2025-01-01")
    assert rules.terms("testvenue", start).margin.taker_fee == 0.002
    assert rules.terms("testvenue", start - 1).margin.taker_fee == 0.001
    assert rules.terms("testvenue", start).effective_from == "2025-01-01"
    assert "margin: made up later" in rules.terms("testvenue", start).sources


def test_an_unknown_instrument_gets_the_cautious_schedule():
    found = RULES.bracket("hyperliquid", "NOSUCHCOIN")
    assert found.schedule.cautious
    assert found.stand_in
    assert found.schedule.rates.tolist() == [1 / 6]
    assert not RULES.schedule("hyperliquid", "BTC").cautious
    assert not RULES.schedule("generic", "NOSUCHCOIN").cautious


def test_htx_takes_the_generic_schedule_and_says_so():
    borrowed, generic = RULES.schedule("htx", "BTC-USDT"), RULES.schedule("generic", "BTC")
    assert borrowed.cautious
    assert np.array_equal(borrowed.rates, generic.rates)
    assert any("generic schedule" in n for n in RULES.terms_notes("htx"))


def test_published_figures():
    """Sources: Binance brackets of 2026-09; FAQ be2c7d9d and ceccfcfb; Bybit table; OKX tiers."""
    btc = RULES.schedule("binance_usdm", "BTCUSDT")
    assert btc.deductions.tolist()[3:7] == [12_000, 132_000, 482_000, 2_982_000]
    older = RULES.schedule("binance_usdm", "BTCUSDT", at("2022-05-01"))
    assert older.deductions[3] == 16_300
    coin = RULES.schedule("binance_coinm", "BTCUSD_PERP")
    assert coin.deductions.tolist()[3:7] == [0.56, 1.81, 6.81, 11.81]
    bybit = RULES.schedule("bybit", "BTCUSDT")
    assert bybit.bracket(8_500_000) == 8
    assert bybit.deductions[[19, 34]].tolist() == pytest.approx([1_482_000, 226_382_000])
    okx = RULES.schedule("okx", "BTC-USDT-SWAP")
    assert okx.unit is TierUnit.CONTRACTS
    assert len(okx.floors) == 99
    assert okx.rates[okx.bracket(1_140_001.0)] == pytest.approx(0.2925)
    assert (okx.rates[-1], okx.max_leverage[-1]) == (pytest.approx(0.4875), 2.0)
    assert okx.bracket(1000.0) == 0
    hl = RULES.schedule("hyperliquid", "BTC")
    assert hl.deductions.tolist() == [0, 1_875_000]


@pytest.mark.parametrize(
    ("symbol", "rates", "at_a_million", "last"),
    [
        ("ETHUSDT", (0.005, 0.6), 0.0056, 138_018_220),
        ("SOLUSDT", (0.005, 0.5), 0.0111, 66_399_135),
        ("XRPUSDT", (0.0075, 0.6), 0.02, 16_446_625),
        ("DOGEUSDT", (0.0075, 0.6), 0.02, 36_074_375),
        ("ADAUSDT", (0.0075, 0.6), 0.025, 15_809_000),
        ("LINKUSDT", (0.01, 0.4002), 0.035, 2_670_780),
        ("1000PEPEUSDT", (0.01, 0.4002), 0.035, 2_670_780),
        ("SUIUSDT", (0.01, 0.5), 0.025, 11_897_300),
        ("HYPEUSDT", (0.0067, 0.5), 0.055, 6_026_264),
        ("XTZUSDT", (0.02, 0.6), 0.15, 884_125),
        ("HNTUSDT", (0.04, 0.6), 0.44, 355_900),
    ],
)
def test_risk_limits_of_bybit(symbol, rates, at_a_million, last):
    """Rates and the last printed deduction of v5 market/risk-limit, 2025-12-29."""
    schedule = RULES.schedule("bybit", symbol, at("2026-01-15"))
    assert not schedule.cautious
    assert (schedule.rates[0], schedule.rates[-1]) == rates
    assert schedule.rates[schedule.bracket(1_000_000)] == at_a_million
    assert schedule.deductions[-1] == last


@pytest.mark.parametrize(
    ("coin", "contracts", "rate", "leverage"),
    [
        ("ETH", 10_000.01, 0.0075, 50),
        ("ETH", 800_001, 0.1675, 5.55),
        ("SOL", 2500, 0.0065, 50),
        ("SOL", 700_001, 0.19, 4.44),
        ("XRP", 270_001, 0.15, 5.4),
        ("DOGE", 6000, 0.015, 20),
        ("DOGE", 438_001, 0.38, 2.4),
        ("DOGE", 540_001, 0.465, 2),
        ("ETC", 79_201, 0.48, 2),
        ("ENA", 55_001, 0.035, 18.18),
        ("DOOD", 50_001, 0.155, 5.12),
    ],
)
def test_position_tiers_of_okx(coin, contracts, rate, leverage):
    """Tiers of v5 public/position-tiers, 2026-05-12; every one is a row read there."""
    schedule = RULES.schedule("okx", f"{coin}-USDT-SWAP", at("2026-05-20"))
    assert schedule.unit is TierUnit.CONTRACTS
    tier = schedule.bracket(contracts)
    assert schedule.rates[tier] == pytest.approx(rate)
    assert schedule.max_leverage[tier] == leverage


def test_the_first_rates_that_are_known_of_inverse_contracts():
    assert RULES.schedule("bybit", "ETHUSD").rates[0] == 0.01
    assert RULES.schedule("bybit", "XRPUSD").rates[0] == 0.01
    for coin in ("BTC", "ETH"):
        assert RULES.schedule("okx", f"{coin}-USD-SWAP").rates[0] == 0.004


def test_an_unknown_inverse_contract_gets_a_rate_without_floors():
    """Floors counted in one coin say nothing of another."""
    for venue, symbol in (("bybit", "SOLUSD"), ("okx", "SOL-USD-SWAP"), ("binance", "SOLUSD_PERP")):
        schedule = RULES.schedule(RULES.canonical_venue(venue, "inverse"), symbol)
        assert schedule.cautious
        assert (schedule.floors.tolist(), schedule.rates.tolist()) == ([0], [0.05])


def test_old_leverage_of_hyperliquid():
    assert RULES.schedule("hyperliquid", "ETH", at("2024-12-01")).rates.tolist() == [0.01]
    assert RULES.schedule("hyperliquid", "ETH", at("2025-06-01")).rates[0] == 0.02


def test_the_users_folder_overlays_the_bundle(tmp_path, monkeypatch):
    home = tmp_path / "binance_usdm"
    home.mkdir()
    (home / "2027-01-01.toml").write_text(BRACKETS.replace("2024-01-01", "2027-01-01"))
    monkeypatch.setenv("SEAWALL_RULES", str(tmp_path))
    rules = Rules.bundled()
    assert rules.schedule("binance_usdm", "BTCUSDT").rates.tolist() == [0.01, 0.02]
    assert len(rules.schedule("binance_usdm", "BTCUSDT", at("2026-12-31")).rates) == 12
    assert len(rules.schedule("binance_usdm", "ETHUSDT").rates) == 12


def test_on_the_same_day_the_later_folder_wins(tmp_path):
    home = tmp_path / "binance_usdm"
    home.mkdir()
    (home / "x.toml").write_text(BRACKETS.replace("2024-01-01", "2025-01-01"))
    rules = Rules.from_folders(BUNDLE, tmp_path)
    assert rules.schedule("binance_usdm", "BTCUSDT").rates.tolist() == [0.01, 0.02]


def test_who_a_venue_is_the_later_folder_says(tmp_path):
    home = tmp_path / "binance_usdm"
    home.mkdir()
    bundled = (BUNDLE / "binance_usdm" / "venue.toml").read_text()
    (home / "venue.toml").write_text(bundled[bundled.index("[[contracts]]") :])
    title = Rules.from_folders(BUNDLE).terms("binance_usdm", at("2025-06-01")).title
    rules = Rules.from_folders(BUNDLE, tmp_path)
    assert rules.terms("binance_usdm", at("2025-06-01")).title == title
    (home / "venue.toml").write_text(bundled.replace(title, "Mine"))
    rules = Rules.from_folders(BUNDLE, tmp_path)
    assert rules.terms("binance_usdm", at("2025-06-01")).title == "Mine"


def test_a_file_that_changes_is_read_again(folder):
    path = folder / "testvenue" / "rules.toml"
    assert Rules.from_folders(folder).terms("testvenue", at("2024-06-01")).margin.taker_fee == 0.001
    text = TERMS.replace("taker_fee = 0.001", "taker_fee = 0.003", 1)
    assert len(text) == len(TERMS)
    path.write_text(text)
    assert Rules.from_folders(folder).terms("testvenue", at("2024-06-01")).margin.taker_fee == 0.003
    path.unlink()
    with pytest.raises(RulebookError, match=r"has no .*rules.* block"):
        Rules.from_folders(folder).terms("testvenue")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("taker_fee = 0.001", "taker_feee = 0.001", ["unknown key", "rules.0.margin.taker_feee"]),
        ("taker_fee = 0.001", "taker_fee = 5.0", ["rules.0.margin.taker_fee", "less than 1"]),
        ('surplus = "fund"', 'surplus = "me"', ["rules.0.liquidation.surplus", "'trader'"]),
        ('fund_as_of = "2024-01-01"\n', "", ["fund_as_of", "rules.0.loss"]),
        ("[[rules]]", "[[rules]", ["not a TOML file", "line 2"]),
        ('text = "index"\nsource = "made up"', 'text = "index"', ["rules.0.mark_price.source"]),
    ],
)
def test_a_malformed_file_names_the_key(folder, old, new, words):
    path = folder / "testvenue" / "rules.toml"
    path.write_text(TERMS.replace(old, new, 1))
    with pytest.raises(RulebookError) as error:
        Rules.from_folders(folder).terms("testvenue")
    for word in [*words, "rules.toml"]:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[1000, 0.02, 25, 10]", "[1000, 0.02, 25, 11]", ["continuity", "BTCUSDT", "bracket 2"]),
        ("[0, 0.01, 50, 0]", "[5, 0.01, 50, 0]", ["start at 0", "BTCUSDT"]),
        ("[1000, 0.02, 25, 10]", "[1000, 0.005, 25]", ["rates must rise", "BTCUSDT"]),
        ("[0, 0.1, 5]", "[0]", ["brackets.0.any.rows.0"]),
        ("rows = [[0, 0.1, 5]]", "", ["brackets.0.any", "either rows or envelope"]),
        ('reason = "the', 'envelope = true\nreason = "the', ["either rows or envelope"]),
        (
            "[brackets.instruments]",
            '[brackets.instruments]\nETHUSDT = "XUSDT"',
            ["ETHUSDT refers to XUSDT", "brackets.0"],
        ),
    ],
)
def test_a_bad_bracket_names_the_instrument(folder, old, new, words):
    path = folder / "testvenue" / "brackets.toml"
    path.write_text(BRACKETS.replace(old, new, 1))
    with pytest.raises(RulebookError) as error:
        Rules.from_folders(folder).schedule("testvenue", "BTCUSDT")
    for word in words:
        assert word in str(error.value)


def test_a_first_block_must_state_every_section(folder):
    path = folder / "testvenue" / "rules.toml"
    path.write_text(TERMS.replace("[rules.funding]", "[rules.funding_off]"))
    with pytest.raises(RulebookError, match="unknown key"):
        Rules.from_folders(folder).terms("testvenue")
    start = TERMS.index("[rules.funding]")
    path.write_text(TERMS[:start] + TERMS[TERMS.index("[rules.mark_price]") :])
    with pytest.raises(RulebookError, match=r"must state every section.*without funding"):
        Rules.from_folders(folder).terms("testvenue")


@pytest.mark.parametrize("apart", [False, True], ids=["one file", "two files"])
def test_a_faulty_folder_tells_all_of_itself_and_nothing_of_the_book(folder, apart):
    home = folder / "testvenue"
    shutil.rmtree(home)
    home.mkdir()
    (home / "venue.toml").write_text('[venue]\ntitle = "T"\naliases = ["tv"]\n')
    rules = home / ("rules.toml" if apart else "venue.toml")
    with rules.open("a") as out:
        out.write("[[rules]]\n")
    rows = [{"venue": "tv", "instrument": "BTCUSDT", "size": 1, "entry_price": 1, "mark_price": 1}]
    for ask in (
        lambda: read_book(rows, rules=Rules.from_folders(BUNDLE, folder)),
        lambda: Rules.from_folders(BUNDLE, folder).canonical_venue("tv"),
        lambda: Rules.from_folders(folder).terms("testvenue"),
    ):
        with pytest.raises(RulebookError) as error:
            ask()
        told = {(m.where, m.column, m.what, m.value) for m in error.value.mistakes}
        missing = [
            *((str(home / "venue.toml"), f"venue.{k}") for k in ("contract_types", "examples")),
            (str(home / "venue.toml"), "venue.source"),
            (str(rules), "rules.0.effective_from"),
        ]
        sections = "without margin, liquidation, loss, funding, mark_price"
        assert told == {
            *((where, column, "missing key", None) for where, column in missing),
            (str(home), "rules", "the first block of a venue must state every section", sections),
            (
                str(home),
                "brackets.any",
                "has no schedule for instruments it does not name",
                None,
            ),
        }
        assert all(m.row is None for m in error.value.mistakes)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('examples = ["BTCUSDT"]', "examples = []", ["venue.examples", "at least 1 item"]),
        ('["linear"]', '["quanto"]', ["venue.contract_types.0", "'quanto'"]),
        ('["linear"]', '["linear"]\nlinear = "{coin}"', ["venue.linear", "{base}", "'{coin}'"]),
        ('["linear"]', '["linear"]\nlinear = "{base"', ["venue.linear", "'{base'"]),
        ('["linear"]', '["linear"]\nlinear = "PERP"', ["venue.linear", "the same name"]),
        ("[venue]", "[venues]", ["unknown key", "column venues"]),
        ("title", "brackets_of_reason = 'why'\ntitle", ["go together"]),
        (
            "title",
            "brackets_of = 'nowhere'\nbrackets_of_reason = 'why'\ntitle",
            ["no rulebook has this name", "venue.brackets_of", "'nowhere'"],
        ),
    ],
)
def test_a_venue_that_cannot_be_told_is_refused_before_a_name_is_read(folder, old, new, words):
    path = folder / "testvenue" / "venue.toml"
    path.write_text(VENUE.replace(old, new, 1))
    with pytest.raises(RulebookError) as error:
        Rules.from_folders(folder).instrument("testvenue", "BTCUSDT")
    for word in [*words, str(path)]:
        assert word in str(error.value)


@pytest.mark.parametrize("text", [None, "", "rules = 1", "rules = [1]"])
def test_a_folder_without_a_venue_says_so(folder, text):
    path = folder / "testvenue" / "venue.toml"
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(RulebookError, match=r"has no venue.toml|no \[venue\] table|rules") as error:
        Rules.from_folders(folder).identity("testvenue")
    assert str(path.parent) in str(error.value)


def test_an_empty_folder_of_rules_is_said_to_be_empty(tmp_path):
    rules = Rules.from_folders(tmp_path, tmp_path / "missing")
    assert rules.venues() == ()
    with pytest.raises(RuleError, match="the rules folder is empty"):
        rules.canonical_venue("okx")
