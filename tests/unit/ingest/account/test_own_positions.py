"""One's own account through the real ccxt, on the loopback; and keys that show nowhere."""

import logging
import pickle
import traceback

import pytest

pytest.importorskip("ccxt", reason="ccxt is an extra: pip install 'seawall[live]'")

from made_venues import Refusal, RestVenue
from made_venues.accounts import (
    binance_account,
    bybit_account,
    deribit_account,
    hyperliquid_account,
    okx_account,
)
from seawall.app import cli
from seawall.core import InputError
from seawall.ingest import read_book
from seawall.ingest.account.holdings import VenueRefusedError, own_positions
from seawall.ingest.account.keys import Key, Source, find_key
from seawall.margin import unrealised_pnl
from seawall.rulebook import bind

KEY, SECRET, PASSWORD = "kQ7zEy0fMiNe1x", "sEcReTs0mEwHeRe9/+v=", "pAsSpHr4sE$3"
ACCOUNTS = {
    "binance": binance_account,
    "bybit": bybit_account,
    "okx": okx_account,
    "deribit": deribit_account,
}
ADDRESS = "0x5078c2fbea2b2ad61bc840bc023e35fce56bedb6"


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    import os

    parts = ("_KEY", "_SECRET", "_PASSWORD", "_ADDRESS", "_URL")
    for name in [n for n in os.environ if n.startswith("SEAWALL_") and n.endswith(parts)]:
        monkeypatch.delenv(name)
    keyring = pytest.importorskip("keyring", reason="an extra: pip install 'seawall[live]'")
    kept = keyring.get_keyring()
    keyring.set_keyring(memory_of({}))
    yield
    keyring.set_keyring(kept)


def memory_of(passwords):
    """A keyring of the real library that holds what is given."""
    import keyring.backend

    class Memory(keyring.backend.KeyringBackend):
        priority = 1

        def get_password(self, service, username):
            assert service == "seawall"
            return passwords.get(username)

        def set_password(self, *_):
            raise AssertionError("a key is written")

        delete_password = set_password

    return Memory()


@pytest.fixture
def open_account(monkeypatch):
    """Serve an account and set the variables that lead to it."""
    venues = []

    def serve(name, answers=None):
        venue = RestVenue(ACCOUNTS[name]() if answers is None else answers)
        venues.append(venue.__enter__())
        monkeypatch.setenv(f"SEAWALL_{name.upper()}_URL", venue.url)
        for part, text in (("KEY", KEY), ("SECRET", SECRET), ("PASSWORD", PASSWORD)):
            monkeypatch.setenv(f"SEAWALL_{name.upper()}_{part}", text)
        return venue

    yield serve
    for venue in venues:
        venue.__exit__()


def balances(held):
    """Balance by trader and whether it is isolated, of the book that the rows make."""
    book = read_book([dict(r) for r in held.rows])
    accounts = book.accounts
    return {
        (book.traders[t], bool(i)): float(b)
        for t, i, b in zip(accounts.trader, accounts.isolated, accounts.balance, strict=True)
    }, book


def test_binance_is_one_wallet_a_currency_and_isolated_margins(open_account):
    venue = open_account("binance")
    held = own_positions("binance")
    found, book = balances(held)
    assert found == {
        ("binance_usdm USDT", False): 25_000.0,
        ("binance_usdm USDT", True): 9_000.0,
        ("binance_coinm BTC", False): 0.4,
    }
    assert book.positions.size.tolist() == [2.0, -30.0, -5_000.0]
    assert (held.warnings, held.notes) == ((), ())
    # what the venue prints is what comes out of these wallets
    computed = bind(book).liquidation_price()
    assert computed[0] == pytest.approx(71_787.15, rel=1e-4)
    assert computed[1] == pytest.approx(3_187.25, rel=1e-4)
    asked = venue.paths()
    assert asked.index("/sapi/v1/account/apiRestrictions") < asked.index("/fapi/v3/positionRisk")
    assert {q.method for q in venue.asked} == {"GET"}


def test_binance_in_multi_assets_mode_has_one_wallet(open_account):
    answers = binance_account()
    answers["/fapi/v1/multiAssetsMargin"] = {"multiAssetsMargin": True}
    open_account("binance", answers)
    found, _ = balances(own_positions("binance_usdm"))
    assert found[("binance_usdm", False)] == 25_000.0


def test_bybit_has_one_margin_balance_behind_linear_positions(open_account):
    open_account("bybit")
    held = own_positions("bybit")
    found, book = balances(held)
    assert book.positions.size.tolist() == [1.5, -20_000.0]
    profit = float(unrealised_pnl(1.5, 85_000.0, 86_600.0, False))
    assert found[("bybit", False)] == pytest.approx(30_500.5 - profit)
    assert "1 cross positions of Bybit" in held.notes[0]
    # the inverse one is judged by what was printed
    assert bind(book).liquidation_price()[1] == pytest.approx(99_000, rel=1e-6)


def test_bybit_isolated_positions_have_their_own_margin(open_account):
    open_account("bybit", bybit_account(mode="ISOLATED_MARGIN"))
    _, book = balances(own_positions("bybit"))
    assert book.accounts.isolated.tolist() == [True, True]
    assert book.accounts.balance.tolist() == [12_800.0, 0.023]


def test_okx_takes_isolated_margin_off_the_equity_of_a_currency(open_account):
    open_account("okx")
    found, book = balances(own_positions("okx"))
    assert book.positions.size.tolist() == [-3.0]
    assert found == {("okx USDT", False): 52_000.5 - 1_000.5 - 3.0 * 1_400.0}


def test_okx_in_multi_currency_mode_stands_on_adjusted_equity(open_account):
    open_account("okx", okx_account(level="3"))
    held = own_positions("okx")
    found, _ = balances(held)
    assert list(found.values()) == [60_000.0 - 3.0 * 1_400.0]
    assert "multi-currency" in held.notes[0]


def test_deribit_counts_in_usd_and_stands_on_the_coin(open_account):
    venue = open_account("deribit")
    found, book = balances(own_positions("deribit"))
    assert book.positions.size.tolist() == [40_000.0]
    profit = 40_000 * (1 / 84_000 - 1 / 86_600)
    assert found == {("deribit BTC", False): pytest.approx(0.9 - profit)}
    (auth,) = (q for q in venue.asked if q.path.endswith("public/auth"))
    assert auth.query["grant_type"] == "client_signature"
    assert SECRET not in auth.raw


def test_hyperliquid_needs_an_address_only(monkeypatch):
    with RestVenue(hyperliquid_account()) as venue:
        monkeypatch.setenv("SEAWALL_HYPERLIQUID_URL", venue.url)
        monkeypatch.setenv("SEAWALL_HYPERLIQUID_ADDRESS", ADDRESS)
        held = own_positions("hyperliquid")
    found, book = balances(held)
    assert book.positions.size.tolist() == [-3.0]
    assert found == {(ADDRESS, False): 52_000.0 - 3 * 1_400.0}
    assert held.warnings == ()


ABLE = [
    ("binance", binance_account(enableWithdrawals=True), "enableWithdrawals"),
    ("binance", binance_account(enableFutures=True), "enableFutures"),
    ("binance", binance_account(permitsUniversalTransfer=True), "permitsUniversalTransfer"),
    ("binance", binance_account(enableSomethingNew=True), "enableSomethingNew"),
    ("bybit", bybit_account(reads=False), "ContractTrade Order, Position; Wallet"),
    ("okx", okx_account("read_only,trade"), "trade"),
    ("okx", okx_account("read_only,withdraw"), "withdraw"),
    ("deribit", deribit_account("account:read trade:read_write wallet:none"), "trade:read_write"),
    ("deribit", deribit_account("account:read wallet:read_write"), "wallet:read_write"),
]


@pytest.mark.parametrize(("name", "answers", "words"), ABLE)
def test_a_key_that_may_do_more_is_refused_before_anything_is_read(
    open_account, name, answers, words
):
    venue = open_account(name, answers)
    with pytest.raises(InputError) as error:
        own_positions(name)
    assert "may do more than read" in str(error.value)
    assert words in str(error.value)
    assert "--allow-trading-key" in str(error.value)
    assert not any("osition" in path for path in venue.paths())
    held = own_positions(name, allow_trading_key=True)
    assert held.rows
    assert words in held.warnings[0]


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("deribit", deribit_account("connection mainaccount")),
        ("okx", okx_account("")),
        ("binance", binance_account() | {"/sapi/v1/account/apiRestrictions": {"createTime": 1}}),
    ],
)
def test_a_venue_that_does_not_tell_is_said(open_account, name, answers):
    open_account(name, answers)
    held = own_positions(name)
    assert "does not tell what the key may do" in held.warnings[0]


def test_a_question_about_the_key_that_fails_is_no_permission(open_account):
    refused = {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action"}
    answers = binance_account() | {"/sapi/v1/account/apiRestrictions": Refusal(401, refused)}
    venue = open_account("binance", answers)
    with pytest.raises(VenueRefusedError, match="Invalid API-key"):
        own_positions("binance")
    assert "/fapi/v3/positionRisk" not in venue.paths()


ECHO = {"retCode": 10003, "retMsg": f"bad {KEY} {SECRET}", "apiKey": KEY}
MISHAPS = {
    "works": {},
    "refused": {"/v5/user/query-api": Refusal(401, ECHO)},
    "echoed": {"/v5/position/list": ECHO | {"retCode": 10001}},
    "garbage": {"/v5/position/list": f"<html>{SECRET} {KEY}"},
    "of another shape": {"/v5/account/wallet-balance": {"retCode": 0, "result": {"list": [KEY]}}},
    "a field missing": {"/v5/account/info": {"retCode": 0, "retMsg": SECRET}},
    "not there": {"/v5/user/query-api": Refusal(404, f"no {SECRET}")},
    "may trade": bybit_account(reads=False),
}


@pytest.mark.parametrize("mishap", MISHAPS)
@pytest.mark.parametrize("command", [["positions", "bybit", "--output", "own.csv"], None])
def test_the_key_shows_nowhere(open_account, monkeypatch, tmp_path, capfd, caplog, mishap, command):
    monkeypatch.chdir(tmp_path)
    open_account("bybit", bybit_account() | MISHAPS[mishap])
    caplog.set_level(logging.DEBUG)
    for name in ("ccxt", "ccxt.base.exchange", "urllib3", "requests", "seawall"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    page = ["check", "account:bybit", "--report", "own.html", "--format", "json"]
    code = cli.run(command or page)
    assert (code == 0) is (mishap == "works")
    said = capfd.readouterr()
    files = [p.read_text() for p in tmp_path.rglob("*") if p.is_file()]
    assert bool(files) is (mishap == "works")
    try:
        own_positions("bybit")
        trace, chain = "", (None, None)
    except Exception as error:
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
        trace = "".join(told.format()) + repr(error)
        chain = (error.__context__, error.__cause__)
    shown = "\n".join((said.out, said.err, caplog.text, trace, *files))
    assert shown
    assert chain == (None, None)
    for hidden in (KEY, SECRET, PASSWORD):
        assert hidden not in shown
        assert hidden[2:10] not in shown


@pytest.mark.parametrize("name", ACCOUNTS)
def test_no_part_of_any_venues_key_shows(open_account, capfd, caplog, name):
    echo = Refusal(
        400, {"code": "50113", "msg": f"{KEY} {SECRET} {PASSWORD if name == 'okx' else ''}"}
    )
    answers = ACCOUNTS[name]()
    private = [path for path in answers if "osition" in path]
    caplog.set_level(logging.DEBUG)
    for logger in ("urllib3", "urllib3.connectionpool"):
        logging.getLogger(logger).setLevel(logging.DEBUG)
    for edit in ({}, dict.fromkeys(private, echo)):
        open_account(name, answers | edit)
        assert cli.run(["positions", name, "--format", "json"]) == (1 if edit else 0)
    said = capfd.readouterr()
    shown = said.out + said.err + caplog.text
    assert "***" in shown
    for hidden in (KEY, SECRET, PASSWORD):
        assert hidden not in shown


def test_the_secret_is_not_sent_and_the_key_is(open_account):
    for name in ACCOUNTS:
        venue = open_account(name)
        own_positions(name)
        raw = "\n".join(q.raw for q in venue.asked)
        assert SECRET not in raw
        assert KEY in raw


def test_an_exchange_is_left_without_the_key(open_account, monkeypatch):
    from seawall.ingest.account import holdings

    opened = []
    real = holdings.exchange_of

    def kept(*arguments, **settings):
        opened.append(real(*arguments, **settings))
        return opened[-1]

    monkeypatch.setattr(holdings, "exchange_of", kept)
    open_account("okx")
    own_positions("okx")
    (exchange,) = opened
    assert (exchange.apiKey, exchange.secret, exchange.password) == ("", "", "")


def test_a_key_prints_and_pickles_as_nothing():
    key = Key({"key": KEY, "secret": SECRET}, "the environment (okx)")
    assert SECRET not in f"{key} {key!r} {[key]}"
    with pytest.raises(TypeError, match="not written anywhere"):
        pickle.dumps(key)
    text = f"GET https://x/y?signature=abc&k={KEY} said {SECRET} and sEcReTs0mEwHeRe9%2F%2Bv%3D"
    assert key.redacted(text) == "GET https://x/y?*** said *** and ***"


def test_the_keyring_is_asked_and_the_environment_comes_first(monkeypatch):
    import keyring

    keyring.set_keyring(memory_of({"okx:key": KEY, "okx:secret": SECRET, "okx:password": "x"}))
    parts = ("key", "secret", "password")
    assert find_key(["okx"], parts).origin == "the keyring (okx)"
    for part in parts:
        monkeypatch.setenv(f"SEAWALL_OKX_{part.upper()}", "other")
    assert find_key(["okx"], parts).origin == "the environment (okx)"
    assert find_key(["okx"], parts, Source.KEYRING).origin == "the keyring (okx)"


def test_positions_come_with_a_key_of_the_keyring(open_account, monkeypatch):
    import keyring

    venue = open_account("okx")
    for part in ("KEY", "SECRET", "PASSWORD"):
        monkeypatch.delenv(f"SEAWALL_OKX_{part}")
    keyring.set_keyring(memory_of({"okx:key": KEY, "okx:secret": SECRET, "okx:password": PASSWORD}))
    assert len(own_positions("okx").rows) == 1
    assert KEY in venue.asked[-1].raw


def test_a_keyring_that_fails_is_told_where_it_was_named():
    import keyring
    import keyring.backends.fail

    keyring.set_keyring(keyring.backends.fail.Keyring())
    with pytest.raises(InputError, match=r"keyring: cannot be read: NoKeyringError"):
        find_key(["okx"], ("key",), Source.KEYRING)
    with pytest.raises(InputError, match="has no key to its account"):
        find_key(["okx"], ("key",))


def test_a_missing_key_says_what_to_set(monkeypatch):
    with pytest.raises(InputError) as error:
        own_positions("binance")
    for word in (
        "SEAWALL_BINANCE_KEY",
        "SEAWALL_BINANCE_SECRET",
        "keyring set seawall binance:key",
    ):
        assert word in str(error.value)
    monkeypatch.setenv("SEAWALL_OKX_KEY", KEY)
    with pytest.raises(InputError, match=r"is not whole.*SEAWALL_OKX_SECRET, SEAWALL_OKX_PASSWORD"):
        own_positions("okx")


def test_an_address_that_could_be_listened_to_is_refused(open_account, monkeypatch):
    open_account("okx")
    monkeypatch.setenv("SEAWALL_OKX_URL", "http://example.invalid")
    with pytest.raises(InputError, match="SEAWALL_OKX_URL: address not safe"):
        own_positions("okx")


def test_venues_without_a_reader_and_empty_accounts_are_told(open_account):
    with pytest.raises(InputError, match=r"own positions cannot be had from it.*dydx"):
        own_positions("dydx")
    answers = okx_account() | {"/api/v5/account/positions": {"code": "0", "msg": "", "data": []}}
    open_account("okx", answers)
    with pytest.raises(InputError, match="no open position"):
        own_positions("okx")
