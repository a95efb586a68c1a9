"""Bringing brackets up to date, from a file and through ccxt on the loopback."""

import json
import threading
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from seawall.core import RuleError
from seawall.rulebook import Rules, update_from_ccxt, update_from_file
from seawall.rulebook.rules import BUNDLE

DAY = date(2027, 3, 1)


def bracket(floor, cap, rate, leverage, cum):
    return {
        "tier": 1,
        "symbol": "X/USDT:USDT",
        "currency": "USDT",
        "minNotional": floor,
        "maxNotional": cap,
        "maintenanceMarginRate": rate,
        "maxLeverage": leverage,
        "info": {"cum": cum},
    }


TIERS = {
    "BTC/USDT:USDT": [
        bracket(0, 1000, 0.01, 50, 0),
        bracket(1000, 5000, 0.02, 25, 10),
        bracket(5000, 9000, 0.05, 10, 160),
    ],
    "NEWCOIN/USDT:USDT": [bracket(0, 1000, 0.1, 5, 0)],
}


def written(tmp_path, tiers):
    path = tmp_path / "tiers.json"
    path.write_text(json.dumps(tiers))
    return path


def update(tmp_path, tiers, venue="binance"):
    out = tmp_path / "rules"
    return update_from_file(
        venue, written(tmp_path, tiers), Rules.from_folders(BUNDLE), DAY, out
    ), Rules.from_folders(BUNDLE, out)


def test_a_file_becomes_a_dated_block(tmp_path):
    summary, rules = update(tmp_path, TIERS)
    assert (summary.venue, summary.symbols, summary.brackets) == ("binance_usdm", 2, 4)
    assert summary.path == tmp_path / "rules" / "binance_usdm" / "2027-03-01.toml"
    assert summary.added == ("NEWCOINUSDT",)
    assert summary.changed == ("BTCUSDT",)
    assert rules.schedule("binance_usdm", "BTCUSDT").deductions.tolist() == [0, 10, 160]
    assert rules.schedule("binance_usdm", "NEWCOINUSDT").rates.tolist() == [0.1]
    assert not rules.schedule("binance_usdm", "NEWCOINUSDT").cautious
    before = (date(2027, 2, 28) - date(1970, 1, 1)).days * 86_400 * 10**9
    assert len(rules.schedule("binance_usdm", "BTCUSDT", before).rates) == 12
    assert rules.schedule("binance_usdm", "NEWCOINUSDT", before).rates.tolist() == [0.1]


def test_the_same_brackets_again_are_unchanged(tmp_path):
    _, rules = update(tmp_path, TIERS)
    later = update_from_file(
        "binance", written(tmp_path, {"data": TIERS}), rules, date(2027, 4, 1), tmp_path / "b"
    )
    assert (later.added, later.changed) == ((), ())


def test_the_default_folder_is_the_users(tmp_path, monkeypatch):
    monkeypatch.setenv("SEAWALL_RULES", str(tmp_path / "mine"))
    summary = update_from_file("binance", written(tmp_path, TIERS), day=DAY)
    assert summary.path.is_relative_to(tmp_path / "mine")
    assert Rules.bundled().schedule("binance_usdm", "BTCUSDT").rates[0] == 0.01


def changed(edit):
    tiers = json.loads(json.dumps(TIERS))
    edit(tiers)
    return tiers


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (
            lambda t: t["BTC/USDT:USDT"][2]["info"].update(cum=161),
            ["BTC/USDT:USDT", "bracket 3", "continuity", "161", "160"],
        ),
        (
            lambda t: t["BTC/USDT:USDT"][0].update(minNotional=5),
            ["BTC/USDT:USDT", "must start at 0"],
        ),
        (
            lambda t: t["BTC/USDT:USDT"][1].update(maintenanceMarginRate=0.001, info={}),
            ["BTC/USDT:USDT", "rates must rise"],
        ),
        (
            lambda t: t["BTC/USDT:USDT"][1].pop("minNotional"),
            ["BTC/USDT:USDT", "bracket 2 cannot be read", "minNotional"],
        ),
        (
            lambda t: t["BTC/USDT:USDT"][1].update(maintenanceMarginRate="high"),
            ["bracket 2 cannot be read", "high"],
        ),
        (lambda t: t.update({"BTC/USDT:USDT": []}), ["has no brackets"]),
        (lambda t: t["BTC/USDT:USDT"].insert(0, 3), ["bracket 1 cannot be read"]),
    ],
)
def test_a_bad_bracket_is_named_and_nothing_is_written(tmp_path, edit, words):
    with pytest.raises(RuleError) as error:
        update(tmp_path, changed(edit))
    for word in words:
        assert word in str(error.value)
    assert not (tmp_path / "rules").exists()


@pytest.mark.parametrize("name", ["cum", "mmDeduction", "deduction"])
def test_an_amount_a_venue_prints_is_held_to_by_whichever_name(tmp_path, name):
    """Binance, Bybit and Gate print it, each under a name of its own."""
    gate = changed(lambda t: [row.update(info={}) for rows in t.values() for row in rows])
    rows = gate["BTC/USDT:USDT"]
    for row, printed in zip(rows, ("", "10", "160"), strict=True):
        row["info"] = {name: printed}
    _, rules = update(tmp_path, gate, "gate")
    assert rules.schedule("gate", "BTC_USDT").deductions.tolist() == [0, 10, 160]
    rows[2]["info"] = {name: "161"}
    with pytest.raises(RuleError, match="continuity"):
        update(tmp_path, gate, "gate")


@pytest.mark.parametrize("venue", ["gate", "htx"])
def test_brackets_taken_replace_the_schedule_that_stood_in(tmp_path, venue):
    """Neither venue has brackets in the bundle: another rulebook's stand in."""
    summary, rules = update(tmp_path, changed(lambda t: t.pop("NEWCOIN/USDT:USDT")), venue)
    (name,) = summary.added
    before = Rules.from_folders(BUNDLE)
    assert before.schedule(venue, name).cautious
    assert not rules.schedule(venue, name).cautious
    assert rules.schedule(venue, name).floors.tolist() == [0, 1000, 5000]
    other = rules.instrument(venue, "DOGE/USDT:USDT").symbol
    assert rules.schedule(venue, other).cautious
    assert rules.bracket(venue, other).day == before.bracket(venue, other).day
    assert [n for n in rules.terms_notes(venue) if "stands in for what" in n]
    assert not [n for n in before.terms_notes(venue) if "stands in for what" in n]


def test_every_mistake_of_a_file_is_told(tmp_path):
    tiers = {f"C{k}/USDT:USDT": [] for k in range(30)}
    with pytest.raises(RuleError) as error:
        update(tmp_path, tiers)
    assert error.value.total == 30
    assert "10 more" in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1, 2]", "holds no leverage tiers"),
        ("{}", "holds no leverage tiers"),
        ("{", "not a JSON file"),
        ('{"ETH/BTC:BTC": [1]}', "names no instrument of binance_usdm"),
    ],
)
def test_a_file_of_another_shape_is_refused(tmp_path, text, words):
    path = tmp_path / "tiers.json"
    path.write_text(text)
    with pytest.raises(RuleError, match=words):
        update_from_file("binance", path, folder=tmp_path / "rules")
    assert not (tmp_path / "rules").exists()


def test_a_missing_file_and_an_unwritable_folder_are_told(tmp_path):
    with pytest.raises(RuleError, match=r"none.json: cannot be read"):
        update_from_file("binance", tmp_path / "none.json")
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder should be")
    with pytest.raises(RuleError, match="cannot be written"):
        update_from_file("binance", written(tmp_path, TIERS), folder=blocked)


def test_an_update_leaves_no_draft_behind(tmp_path):
    update(tmp_path, TIERS)
    update(tmp_path, TIERS)
    assert [p.name for p in (tmp_path / "rules" / "binance_usdm").iterdir()] == ["2027-03-01.toml"]


def test_tiers_in_contracts_stay_in_contracts(tmp_path):
    rows = [bracket(0, 1000, 0.004, 100, 0), bracket(1000.01, 5000, 0.005, 66.66, 0)]
    _, rules = update(tmp_path, {"ETH/USDT:USDT": rows}, venue="okx")
    found = rules.schedule("okx", "ETH-USDT-SWAP")
    assert found.unit.value == "contracts"
    assert found.deductions.tolist() == [0, 0]


def test_the_real_file_of_binance_is_read_whole(tmp_path, shared_data):
    path = shared_data / "tiers" / "binance_leverage_tiers.json"
    rules = Rules.from_folders(BUNDLE)
    summary = update_from_file("binance", path, rules, date(2026, 9, 1), tmp_path)
    tiers = json.loads(path.read_text())
    assert summary.symbols + len(summary.skipped) == len(tiers)
    assert summary.changed == ()
    assert [s.split(":")[0] for s in summary.skipped] == ["ETH/BTC"]
    fresh = Rules.from_folders(BUNDLE, tmp_path)
    for name, symbol in (("PIPPINUSDT", "PIPPIN/USDT:USDT"), ("BTCUSDC", "BTC/USDC:USDC")):
        found = fresh.schedule("binance_usdm", name)
        assert found.rates.tolist() == [t["maintenanceMarginRate"] for t in tiers[symbol]]
        assert found.deductions.tolist() == [t["info"]["cum"] for t in tiers[symbol]]


RISK_LIMITS = {
    "BTCUSDT": [
        ("2000000", "0.005", "100.00", ""),
        ("2600000", "0.0056", "90.00", "1200"),
        ("3200000", "0.0063", "80.00", "3020"),
    ],
    "SOLUSDT": [("200000", "0.01", "50.00", ""), ("400000", "0.015", "40.00", "1000")],
}


class Bybit(BaseHTTPRequestHandler):
    """Answers Bybit's risk-limit request with brackets made up in its form."""

    def do_GET(self):
        url = urlsplit(self.path)
        symbols = parse_qs(url.query).get("symbol", list(RISK_LIMITS))
        rows = [
            {
                "id": k,
                "symbol": symbol,
                "riskLimitValue": limit,
                "maintenanceMargin": rate,
                "initialMargin": "0.01",
                "isLowestRisk": int(k == 1),
                "maxLeverage": leverage,
                "mmDeduction": deduction,
            }
            for symbol in symbols
            for k, (limit, rate, leverage, deduction) in enumerate(RISK_LIMITS[symbol], start=1)
        ]
        body = json.dumps(
            {
                "retCode": 0,
                "retMsg": "OK",
                "result": {"category": "linear", "list": rows, "nextPageCursor": ""},
                "time": 1,
            }
        ).encode()
        self.send_response(200 if url.path.endswith("/market/risk-limit") else 404)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Keep the test's output clean."""


@pytest.fixture
def bybit():
    ccxt = pytest.importorskip("ccxt", reason="ccxt is an extra: pip install 'seawall[live]'")
    server = HTTPServer(("127.0.0.1", 0), Bybit)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    exchange = ccxt.bybit({"enableRateLimit": False, "timeout": 5000})
    redirect(exchange, server.server_port)
    yield exchange
    server.shutdown()
    server.server_close()


def redirect(exchange, port):
    """Send every request of a ccxt exchange to the loopback."""

    def turned(urls):
        if isinstance(urls, dict):
            return {k: turned(v) for k, v in urls.items()}
        return f"http://127.0.0.1:{port}"

    exchange.urls["api"] = turned(exchange.urls["api"])
    exchange.set_markets(
        [
            exchange.safe_market_structure(
                {
                    "id": f"{base}USDT",
                    "symbol": f"{base}/USDT:USDT",
                    "base": base,
                    "quote": "USDT",
                    "settle": "USDT",
                    "type": "swap",
                    "swap": True,
                    "contract": True,
                    "linear": True,
                    "inverse": False,
                    "subType": "linear",
                    "info": {},
                }
            )
            for base in ("BTC", "SOL")
        ]
    )


def test_brackets_are_fetched_through_ccxt(bybit, tmp_path):
    rules = Rules.from_folders(BUNDLE)
    summary = update_from_ccxt("bybit", rules, DAY, tmp_path, exchange=bybit)
    assert summary.symbols >= 1
    assert "SOLUSDT" in summary.changed
    found = Rules.from_folders(BUNDLE, tmp_path).schedule("bybit", "SOLUSDT")
    assert found.floors.tolist() == [0, 200_000]
    assert np.allclose(found.deductions, [0, 1000])
    assert "ccxt bybit" in found.source


def test_a_venue_that_cannot_be_reached_is_told(bybit, tmp_path):
    redirect(bybit, 9)
    with pytest.raises(RuleError, match=r"venue bybit: could not be asked.*--from-file"):
        update_from_ccxt("bybit", Rules.from_folders(BUNDLE), DAY, tmp_path, exchange=bybit)
    assert not list(tmp_path.iterdir())


def test_brackets_for_customers_only_ask_for_a_key(tmp_path, monkeypatch):
    pytest.importorskip("ccxt", reason="ccxt is an extra: pip install 'seawall[live]'")
    import ccxt

    for name in ("SEAWALL_API_KEY", "SEAWALL_API_SECRET"):
        monkeypatch.delenv(name, raising=False)
    exchange = ccxt.binanceusdm({"timeout": 2000})
    redirect(exchange, 9)
    with pytest.raises(RuleError, match=r"customers only.*SEAWALL_API_KEY"):
        update_from_ccxt("binance", Rules.from_folders(BUNDLE), DAY, tmp_path, exchange=exchange)


def test_a_venue_without_ccxt_brackets_says_so(tmp_path):
    rules = Rules.from_folders(BUNDLE)
    with pytest.raises(RuleError, match="has no ccxt exchange"):
        update_from_ccxt("generic", rules, DAY, tmp_path)
    pytest.importorskip("ccxt", reason="ccxt is an extra: pip install 'seawall[live]'")
    with pytest.raises(RuleError, match="serves no brackets through ccxt"):
        update_from_ccxt("hyperliquid", rules, DAY, tmp_path)
