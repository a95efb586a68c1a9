"""`seawall rescue`: the report, its schema, the page, and what is refused."""

import json

import pytest
from jsonschema import Draft202012Validator

from seawall.report.schema import schema_of

HEAD = (
    "account,venue,instrument,size,entry_price,mark_price,margin_mode,leverage,collateral,"
    "wallet_balance\n"
)
CALLED = (
    HEAD
    + """\
ann,binance,BTCUSDT,2.5,92000,86600,isolated,10,14600,
bob,hyperliquid,ETH,3000,2830,2830,cross,20,,300000
dee,binance,ETHUSDT,200,3000,2830,cross,20,,20000
fay,binance,BTCUSD_PERP,9000,90000,86600,isolated,20,0.45,
oth,hyperliquid,BTC,0.1,86600,86600,cross,20,,50000
"""
)


@pytest.fixture
def called(tmp_path):
    path = tmp_path / "called.csv"
    path.write_text(CALLED)
    return path


def document(run, *arguments):
    outcome = run("rescue", *arguments, "--format", "json")
    assert outcome.code == 0, outcome.err
    made = json.loads(outcome.out)
    faults = list(Draft202012Validator(schema_of("rescue")).iter_errors(made))
    assert faults == []
    return made


def test_the_ways_back_are_told(run, called, tmp_path):
    page = tmp_path / "rescue.html"
    outcome = run("rescue", called, "--report", page)
    assert outcome.code == 0, outcome.err
    text = " ".join(outcome.out.split())
    for words in (
        "dee on Binance USD-M futures has no equity left",
        "no cut alone is enough",
        "fay on Binance COIN-M futures has a margin ratio of",
        "1 more account below",
        "Or hedge",
    ):
        assert words in text
    assert page.stat().st_size > 10_000


def test_the_machine_is_told_the_same_under_its_schema(run, called):
    made = document(run, called)
    by_name = {a["account"]: a for a in made["accounts"]}
    assert made["accounts"][0]["account"] == "dee"
    assert set(by_name) == {"ann", "bob", "dee", "fay"}
    assert by_name["ann"]["add_usd"] == pytest.approx(632)
    best = made["cuts"][by_name["ann"]["best_cut"]]
    assert (best["row"], best["account"]) == (1, "ann")
    assert best["margin_ratio"] == pytest.approx(0.5, rel=1e-6)
    assert by_name["dee"]["best_cut"] is None
    assert by_name["dee"]["margin_ratio"] is None
    (hedge,) = made["hedges"]
    assert (hedge["account"], hedge["instrument"], hedge["side"]) == ("bob", "BTC", "sell")
    total = sum(a["add_usd"] for a in made["accounts"])
    assert made["totals"]["collateral_usd"] == pytest.approx(total)


def test_cash_one_account_and_a_move_to_survive(run, called):
    made = document(run, called, "--account", "ann", "--cash", "300", "--survive", "2%")
    (ann,) = made["accounts"]
    assert made["parameters"] == {"target_ratio": 0.5, "survive": 0.02}
    assert ann["cash"] == 300
    assert ann["move_survived_after"] == pytest.approx(0.02, rel=1e-6)


def test_a_book_without_a_call_has_nothing_to_do(run, book):
    outcome = run("rescue", book, "--target-ratio", "0.9")
    assert outcome.code == 0
    assert "nothing has to be done" in " ".join(outcome.out.split())
    assert document(run, book, "--target-ratio", "0.9")["accounts"] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--target-ratio", "1"), "--target-ratio: margin ratio out of range"),
        (("--survive", "120%"), "--survive: move out of range"),
        (("--account", "zoe"), "--account: not in the book (got 'zoe')"),
        (("--cash", "-5"), "--cash: out of range"),
        (("--depth", "DOGE=5M"), "--depth: not in the book"),
    ],
)
def test_what_cannot_be_asked_is_refused(run, called, arguments, words):
    outcome = run("rescue", called, *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert words in outcome.err
