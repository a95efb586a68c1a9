"""Scenario files: what is read, how they build on another, what makes two of them the same."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from seawall.core import InputError
from seawall.rulebook import bind
from seawall.sim import november_2025
from seawall.sim._scenario_model import DepthChange
from seawall.sim.scenario import differences, find_scenario, load_scenario, scenario_names
from seawall.sim.setup import Depth
from seawall.sim.staging import stage
from unit.sim.small import SMALL, written


def test_every_scenario_of_the_package_can_be_staged() -> None:
    assert "price-jump" in scenario_names()
    for name in scenario_names():
        scenario = load_scenario(name)
        assert scenario.name == name
        if scenario.book_path is None and "drawn" in str(scenario.model.population.kind):
            setup = stage(scenario)
            assert len(setup.book.accounts) > 0


def test_a_scenario_becomes_a_setup(tmp_path: Path) -> None:
    setup = stage(load_scenario(written(tmp_path)))
    floor = setup.floor
    assert [m.name for m in floor.markets if m.spot] == ["spot:BTC", "spot:ETH"]
    assert floor.venues == ("binance_usdm", "bybit")
    assert (floor.step, floor.steps) == (1.0, 300)
    assert setup.record_every == 1.0
    assert setup.depth[""].refill == 0.2
    assert list(setup.behaviours) == ["noise", "arbitrageur"]
    assert list(setup.shocks) == ["price_jump"]


def test_a_drawn_population_holds_the_open_interest_on_both_sides(tmp_path: Path) -> None:
    book = stage(load_scenario(written(tmp_path))).book
    held = {("binance_usdm", "BTC"): 3e8, ("binance_usdm", "ETH"): 2e8, ("bybit", "BTC"): 2e8}
    held[("bybit", "ETH")] = 1e8
    usd, side = book.notional(), np.sign(book.positions.size)
    for k, instrument in enumerate(book.instruments):
        mine = book.positions.instrument == k
        for sign in (1, -1):
            total = usd[mine & (side == sign)].sum()
            assert total == pytest.approx(held[instrument.venue, instrument.asset])


def test_a_drawn_population_has_the_leverage_asked_for_and_stands(tmp_path: Path) -> None:
    setup = stage(
        load_scenario(written(tmp_path, SMALL.replace("accounts = 400", "accounts = 9000")))
    )
    book = setup.book
    margin = bind(book, setup.rules, setup.start)
    state = margin.accounts_state()
    gross = np.bincount(book.positions.account, book.notional())
    leverage = gross / state.equity
    assert (state.maintenance <= 0.81 * state.equity).all()
    low = gross[leverage < 8.0].sum() / gross.sum()
    assert low == pytest.approx(0.6, abs=0.02)
    crossing = ~book.accounts.isolated
    assert crossing.mean() == pytest.approx(0.3, abs=0.02)
    assert (np.bincount(book.positions.account)[crossing] == 2).all()
    stops = book.positions.stop
    long = book.positions.size > 0
    given = np.isfinite(stops)
    assert given.mean() == pytest.approx(0.2, abs=0.02)
    assert ((stops < book.positions.mark) == long)[given].all()


def test_the_same_file_draws_the_same_book_and_another_seed_another(tmp_path: Path) -> None:
    first, again = (stage(load_scenario(written(tmp_path))).book.digest() for _ in range(2))
    other = SMALL.replace("accounts = 400", "accounts = 400\nseed = 2")
    assert first == again
    assert stage(load_scenario(written(tmp_path, other))).book.digest() != first


def test_a_digest_rests_on_settings_not_on_words_or_layout(tmp_path: Path) -> None:
    base = load_scenario(written(tmp_path))
    reworded = SMALL.replace("It does.", "It need not.").replace("86600", "86600.0")
    assert load_scenario(written(tmp_path, reworded)).digest() == base.digest()
    spelt_out = SMALL.replace("[behaviours.noise]", "[behaviours.noise]\nrate = 2.0")
    assert load_scenario(written(tmp_path, spelt_out)).digest() == base.digest()
    changed = SMALL.replace("change = -0.08", "change = -0.09")
    assert load_scenario(written(tmp_path, changed)).digest() != base.digest()


def test_a_reform_states_only_what_differs(tmp_path: Path) -> None:
    base = load_scenario(written(tmp_path))
    text = """
extends = "small.toml"
title = "Reform"
[clock]
length = "6m"
[behaviours]
arbitrageur = false
[behaviours.noise]
share = 0.2
"""
    reform = load_scenario(written(tmp_path, text, "reform.toml"))
    assert reform.model.title == "Reform"
    assert list(reform.behaviours) == ["noise"]
    keys = {key: (a, b) for key, a, b in differences(base, reform)}
    assert keys["clock.length"] == (300.0, 360.0)
    assert keys["behaviours.noise.share"] == (0.1, 0.2)
    assert keys["behaviours.arbitrageur.kind"] == ("arbitrageur", None)
    assert not any(key.startswith(("venues", "shocks", "prices")) for key in keys)
    assert differences(base, base) == []


def test_defaults_of_an_added_lever_are_no_difference(tmp_path: Path) -> None:
    base = load_scenario(written(tmp_path))
    text = """
extends = "small.toml"
title = "Reform"
[levers.circuit_breaker]
down = 0.05
pause = 60
"""
    reform = load_scenario(written(tmp_path, text, "reform.toml"))
    assert differences(base, reform) == [
        ("levers.circuit_breaker.down", None, 0.05),
        ("levers.circuit_breaker.kind", None, "circuit_breaker"),
        ("levers.circuit_breaker.pause", None, 60.0),
    ]


def test_a_fund_that_is_set_twice_is_refused(tmp_path: Path) -> None:
    lever = "\n[funds]\nbybit = 1e6\n[levers.fund_target]\nusd = 5e6\n"
    scenario = load_scenario(written(tmp_path, SMALL + lever))
    with pytest.raises(InputError, match="sets the fund of bybit"):
        stage(scenario)
    elsewhere = SMALL + lever + 'venues = ["binance_usdm"]\n'
    assert stage(load_scenario(written(tmp_path, elsewhere))).funds["bybit"] == 1e6


def test_two_plug_ins_of_one_kind_stand_under_their_names(tmp_path: Path) -> None:
    text = SMALL + '[behaviours.quick]\nkind = "noise"\nrate = 9.0\n'
    scenario = load_scenario(written(tmp_path, text))
    assert list(scenario.behaviours) == ["noise", "arbitrageur", "quick"]
    assert type(scenario.behaviours["quick"]) is type(scenario.behaviours["noise"])


def test_shocks_of_one_kind_are_numbered(tmp_path: Path) -> None:
    text = SMALL + '[[shocks]]\nkind = "price_jump"\nchange = 0.02\nat = 120\n'
    scenario = load_scenario(written(tmp_path, text))
    assert list(scenario.shocks) == ["price_jump", "price_jump 2"]


def test_a_book_is_named_as_seen_from_its_scenario(tmp_path: Path) -> None:
    kept = SMALL.split("[population]")[0] + '[population]\nkind = "book"\npath = "book.csv"\n'
    scenario = load_scenario(written(tmp_path, kept))
    assert scenario.book_path == (tmp_path / "book.csv").resolve()


def test_markets_may_be_those_of_the_population(tmp_path: Path) -> None:
    assets = november_2025(accounts=6000).marks
    depth = ", ".join(f"{a} = {50e6 if a == 'BTC' else 3e6}" for a in assets)
    text = (
        SMALL.split("[prices]")[0]
        + f"[markets]\ndepth = {{ {depth} }}\nvolume_to_interest = 1.5\nspot_depth = 0.5\n"
        + '[population]\nkind = "november-2025"\naccounts = 6000\n'
    )
    setup = stage(load_scenario(written(tmp_path, text)))
    assert set(setup.floor.assets) == set(assets)
    perps = [m for m in setup.floor.markets if not m.spot and m.asset == "BTC"]
    spot = next(m for m in setup.floor.markets if m.spot and m.asset == "BTC")
    assert sum(m.depth for m in perps) == pytest.approx(50e6)
    assert spot.depth == pytest.approx(25e6)
    assert len({round(m.volume / m.depth, 6) for m in perps}) == 1


def test_a_scenario_is_found_by_name_or_path(tmp_path: Path) -> None:
    assert find_scenario("price-jump").name == "price-jump.toml"
    assert find_scenario(written(tmp_path)) == (tmp_path / "small.toml").resolve()
    with pytest.raises(InputError, match=r"no such scenario.*price-jump"):
        find_scenario("no-such-thing")


def test_every_parameter_of_depth_can_be_stated() -> None:
    assert set(DepthChange.model_fields) == {f.name for f in fields(Depth)}
