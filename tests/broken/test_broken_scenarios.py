"""Scenarios that are wrong, each refused with the path in the file and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from seawall.app import api
from seawall.core import InputError
from seawall.sim.scenario import load_scenario
from seawall.sim.staging import stage
from unit.sim.small import SMALL, written

# what replaces what in a sound scenario, and the words the message must hold
CHANGES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "unknown key": ('title = "Two', 'titel = "x"\ntitle = "Two', ("titel", "unknown key")),
    "unknown key deep": ('length = "5m"', 'length = "5m"\nlenght = "5m"', ("clock.lenght",)),
    "no title": ('title = "Two venues"\n', "", ("title", "missing key")),
    "no sources": ('["made for a test"]', "[]", ("sources",)),
    "no reading": ('reading = "It does."\n', "", ("reading", "missing key")),
    "not TOML": ("[clock]", "[clock", ("not a TOML file",)),
    "step in words": ('step = "1s"', 'step = "soon"', ("clock.step", "soon", "100ms")),
    "step as number": ('step = "1s"', "step = 1", ("clock.step", "100ms")),
    "step too fine": ('step = "1s"', 'step = "10ms"', ("clock.step", "0.1")),
    "step too coarse": ('step = "1s"', 'step = "2m"', ("clock.step", "60")),
    "step longer than the run": (
        'length = "5m"\nstep = "1s"',
        'length = "30s"\nstep = "60s"',
        ("clock.step", "a step longer than the run", "60 s of 30 s"),
    ),
    "not whole steps": ('step = "1s"', 'step = "7s"', ("clock.length", "whole number of steps")),
    "recorded between steps": (
        'step = "1s"',
        'step = "1s"\nrecord = "1500ms"',
        ("clock.record", "whole number of steps"),
    ),
    "no time": ("2025-11-20T23:59:00Z", "yesterday", ("clock.start", "yesterday", "ISO 8601")),
    "price of zero": ("BTC = 86600", "BTC = 0", ("prices.BTC", "greater than 0")),
    "price as text": ("BTC = 86600", 'BTC = "86600"', ("prices.BTC", "86600", "number")),
    "price missing": ("ETH = 2833\n", "", ("prices.ETH", "the price is missing")),
    "depth below zero": (
        "depth = { BTC = 14e6",
        "depth = { BTC = -1",
        ("venues.binance_usdm.depth.BTC", "greater than 0"),
    ),
    "volume missing": (
        "volume = { BTC = 9e9, ETH = 6e9 }",
        "volume = { BTC = 9e9 }",
        ("venues.bybit.volume.ETH", "the volume is missing"),
    ),
    "unknown venue": ("[venues.bybit]", "[venues.mtgox]", ("venues.mtgox", "okx", "spot")),
    "no venue but spot": (
        SMALL[SMALL.index("[venues.binance_usdm]") : SMALL.index("[venues.spot]")],
        "",
        ("venues",),
    ),
    "open interest without depth": (
        "open_interest = { BTC = 0.2e9",
        "open_interest = { SOL = 1e6, BTC = 0.2e9",
        ("venues.bybit.open_interest.SOL", "no depth"),
    ),
    "volatility of nothing": (
        "ETH = 0.04 }",
        "DOGE = 0.04 }",
        ("outside.volatility.DOGE", "BTC, ETH"),
    ),
    "correlation above one": (
        "[outside]",
        "[outside]\ncorrelation = 1.5",
        ("outside.correlation", "1"),
    ),
    "unknown population": ('kind = "drawn"', 'kind = "real"', ("population.kind", "real", "drawn")),
    "no kind of population": ('kind = "drawn"\n', "", ("population.kind", "missing")),
    "zero accounts": ("accounts = 400", "accounts = 0", ("population.accounts", "1")),
    "too few accounts": ("accounts = 400", "accounts = 3", ("population.accounts", "8 or more")),
    "shares that miss one": ("share = 0.6", "share = 0.7", ("population.leverage", "sum to 1")),
    "a band upside down": ("low = 2, high = 8", "low = 9, high = 8", ("leverage[1]", "low")),
    "stops upside down": (
        "stop = { share = 0.2 }",
        "stop = { share = 0.2, nearest = 0.9, farthest = 0.1 }",
        ("population.stop", "nearest"),
    ),
    "unknown behaviour": (
        "[behaviours.noise]",
        "[behaviours.noises]",
        ("behaviours.noises.kind", "arbitrageur"),
    ),
    "unknown parameter": (
        "share = 0.1\n",
        "share = 0.1\nloudness = 3\n",
        ("behaviours.noise.loudness", "unknown key"),
    ),
    "parameter out of range": (
        "share = 0.1\n",
        "share = -1\n",
        ("behaviours.noise.share", "out of range", "greater than or equal to 0"),
    ),
    "parameter as text": (
        "share = 0.1\n",
        'share = "0.1"\n',
        ("behaviours.noise.share", "number"),
    ),
    "behaviour on a venue that is not there": (
        "[behaviours.arbitrageur]",
        '[behaviours.arbitrageur]\nvenues = ["okx"]',
        ("behaviours.arbitrageur.venues", "okx", "bybit"),
    ),
    "unknown shock": ('kind = "price_jump"', 'kind = "meteor"', ("shocks[1].kind", "meteor")),
    "shock without a kind": ('kind = "price_jump"\n', "", ("shocks[1].kind", "missing")),
    "shock on a market that is not there": (
        "change = -0.08",
        'change = -0.08\nassets = ["DOGE"]',
        ("shocks[1].assets", "DOGE", "BTC, ETH"),
    ),
    "shock after the end": ("at = 60", "at = 900", ("shocks[1].at", "900", "300")),
    "price to nothing": ("change = -0.08", "change = -1", ("shocks[1].change", "greater than -1")),
    "fund of a venue that is not there": (
        "[behaviours.noise]",
        "[funds]\nokx = 1e6\n[behaviours.noise]",
        ("funds.okx", "not there", "bybit"),
    ),
    "fund below zero": (
        "[behaviours.noise]",
        "[funds]\nbybit = -1\n[behaviours.noise]",
        ("funds.bybit", "greater than or equal to 0"),
    ),
    "unknown loss rule": (
        "[behaviours.noise]",
        '[losses]\nbybit = "lottery"\n[behaviours.noise]',
        ("losses.bybit.kind", "lottery", "pro_rata"),
    ),
    "depth of a market that is not there": (
        "refill = 0.2",
        'refill = 0.2\n[depth.markets."okx:BTC"]\nrefill = 1',
        ("okx:BTC", "not there", "bybit:BTC"),
    ),
    "lever on a venue that is not there": (
        "[behaviours.noise]",
        '[levers.cap]\nkind = "circuit_breaker"\nvenues = ["okx"]\ndown = 0.05\npause = 60\n'
        "[behaviours.noise]",
        ("levers.cap.venues", "okx", "bybit"),
    ),
    "levers that contradict each other": (
        "[behaviours.noise]",
        '[levers.one]\nkind = "circuit_breaker"\ndown = 0.05\npause = 60\n'
        '[levers.two]\nkind = "circuit_breaker"\ndown = 0.1\npause = 60\n[behaviours.noise]',
        ("levers.two", "contradict", "one market"),
    ),
    "markets in two ways": (
        "[population]",
        "[markets]\nvolume_to_interest = 1\n[population]",
        ("markets", "exclude each other"),
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_wrong_scenario_is_refused_with_its_place(name: str, tmp_path: Path) -> None:
    before, after, words = CHANGES[name]
    assert before in SMALL, "the change does not apply"
    path = written(tmp_path, SMALL.replace(before, after, 1))
    with pytest.raises(InputError) as caught:
        stage(load_scenario(path))
    message = str(caught.value)
    assert "small.toml" in message
    for word in words:
        assert word in message, message


def test_a_sound_scenario_is_not_refused(tmp_path: Path) -> None:
    assert len(stage(load_scenario(written(tmp_path))).book)


def test_all_mistakes_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    text = SMALL.replace('step = "1s"', 'step = "soon"').replace("accounts = 400", "accounts = 0")
    text = text.replace("share = 0.1\n", "share = -1\n").replace("price_jump", "meteor")
    with pytest.raises(InputError) as caught:
        load_scenario(written(tmp_path, text))
    columns = {m.column for m in caught.value.mistakes}
    assert columns == {
        "clock.step",
        "population.accounts",
        "behaviours.noise.share",
        "shocks[1].kind",
    }


def test_a_market_without_holders_is_no_population(tmp_path: Path) -> None:
    lines = [line for line in SMALL.splitlines() if not line.startswith("open_interest")]
    with pytest.raises(InputError, match=r"no accounts.*open_interest"):
        stage(load_scenario(written(tmp_path, "\n".join(lines))))


def test_a_scenario_that_extends_itself_is_refused(tmp_path: Path) -> None:
    written(tmp_path, 'extends = "b.toml"\n', "a.toml")
    with pytest.raises(InputError, match=r"extends itself.*b\.toml > a\.toml > b\.toml"):
        load_scenario(written(tmp_path, 'extends = "a.toml"\n', "b.toml"))


def test_a_scenario_that_extends_nothing_is_refused_where_it_says_so(tmp_path: Path) -> None:
    middle = written(tmp_path, 'extends = "no-such-thing"\n', "middle.toml")
    reform = written(tmp_path, 'extends = "middle.toml"\n[clock]\nstep = "soon"\n', "reform.toml")
    for path in (middle, reform):
        with pytest.raises(InputError, match="price-jump") as caught:
            load_scenario(path)
        (mistake,) = caught.value.mistakes
        assert (mistake.what, mistake.value) == ("no such scenario", "no-such-thing")
        assert (mistake.where, mistake.column) == (str(middle), "extends")


# a table with a key out of range and keys that contradict each other, and what must be told of both
TWICE_WRONG: dict[str, tuple[str, str, dict[str, str]]] = {
    "safeguard": (
        "[behaviours.noise]",
        "[levers.price_bands]\ndown = 0.05\nup = 0.05\nwindow = -1\npremium_band = 0.02\n"
        "[behaviours.noise]",
        {
            "levers.price_bands.window": "greater than 0",
            "levers.price_bands": "premium_band and opening_band belong to",
        },
    ),
    "third key": (
        "[behaviours.noise]",
        "[levers.low_leverage]\nshare = 2\nleast = 5\n[behaviours.noise]",
        {"levers.low_leverage.share": "less than", "levers.low_leverage": "least 5 is above most"},
    ),
    "brackets": (
        "[behaviours.noise]",
        "[levers.leverage_cap]\ncap = -1\n"
        "brackets = [{ floor_usd = 2e6, cap = 5 }, { floor_usd = 1e6, cap = 4 }]\n"
        "[behaviours.noise]",
        {"levers.leverage_cap.cap": "greater than", "levers.leverage_cap": "rising order"},
    ),
    "bracket within": (
        "low = 8, high = 40, share = 0.4",
        "low = 80, high = 40, share = 1.4",
        {
            "population.leverage[2].share": "less than",
            "population.leverage[2]": "low must not exceed high",
        },
    ),
    "population": (
        "stop = { share = 0.2 }",
        "stop = { share = 2, nearest = 0.9, farthest = 0.1 }",
        {"population.stop.share": "less than", "population.stop": "nearest must not exceed"},
    ),
}


@pytest.mark.parametrize("name", TWICE_WRONG)
def test_a_key_out_of_range_hides_no_contradiction(name: str, tmp_path: Path) -> None:
    before, after, wanted = TWICE_WRONG[name]
    assert before in SMALL, "the change does not apply"
    with pytest.raises(InputError) as caught:
        load_scenario(written(tmp_path, SMALL.replace(before, after, 1)))
    told = {m.column: str(m) for m in caught.value.mistakes}
    assert set(told) == set(wanted)
    for key, words in wanted.items():
        assert words in told[key]


def test_a_key_out_of_range_alone_is_one_mistake(tmp_path: Path) -> None:
    text = SMALL.replace(
        "[behaviours.noise]", "[levers.low_leverage]\nmost = -1\n[behaviours.noise]"
    )
    with pytest.raises(InputError) as caught:
        load_scenario(written(tmp_path, text))
    assert [m.column for m in caught.value.mistakes] == ["levers.low_leverage.most"]


BOOK = """\
account,venue,instrument,size,entry_price,mark_price,margin_mode,collateral
ann,binance,BTCUSDT,1,86000,86600,isolated,9000
bob,okx,BTC-USDT-SWAP,-1,86000,86600,isolated,9000
"""


@pytest.mark.parametrize(
    ("book", "words"),
    [
        (BOOK, ("population", "market that is not there", "okx:BTC", "bybit:BTC")),
        (
            BOOK.replace("okx,BTC-USDT-SWAP", "bybit,BTCUSDT").replace("86600", "50000"),
            ("prices.BTC", "far from the book's mark", "86600 against 50000"),
        ),
        (BOOK.splitlines()[0] + "\n", ("0 rows",)),
    ],
)
def test_a_book_that_does_not_fit_its_scenario(
    tmp_path: Path, book: str, words: tuple[str, ...]
) -> None:
    (tmp_path / "book.csv").write_text(book)
    head, _, tail = SMALL.partition("[population]")
    rest = tail[tail.index("[depth]") :]
    text = f'{head}[population]\nkind = "book"\npath = "book.csv"\n{rest}'
    with pytest.raises(InputError) as caught:
        api.simulate(written(tmp_path, text))
    for word in words:
        assert word in str(caught.value)
