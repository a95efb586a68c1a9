"""What every behaviour does: strict parameters, names checked, one class a file."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from market_floor import Caller, make_floor, make_table, make_traders
from seawall.core import InputError
from seawall.core import _columns as c
from seawall.sim.behaviours import behaviours

NAMES = sorted(behaviours())
ACTIVE = sorted(set(NAMES) - {"deleverager"})


def active(name: str):
    """A behaviour that has orders to give."""
    fields = {"reserve": 0.5} if name == "leveraged_retail" else {}
    return behaviours()[name](**fields)


def test_every_asked_behaviour_is_one_file() -> None:
    assert {
        "arbitrageur",
        "deleverager",
        "dip_buyer",
        "funding_trader",
        "hunter",
        "leveraged_retail",
        "market_maker",
        "momentum",
        "noise",
        "profit_taker",
    } <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_say_what_they_are(name: str) -> None:
    kind = behaviours()[name]
    assert kind.title
    assert kind.source
    assert "Assumes" in (kind.__doc__ or "")
    for key, field in kind.model_fields.items():
        if key not in ("venues", "assets"):
            assert field.description, key


@pytest.mark.parametrize("name", NAMES)
def test_numbers_that_are_none_or_without_end_are_refused(name: str) -> None:
    kind = behaviours()[name]
    for key, field in kind.model_fields.items():
        if field.annotation is float:
            for value in (np.nan, np.inf, -np.inf, -1.0):
                with pytest.raises(ValidationError, match=key):
                    kind(**{key: value})


@pytest.mark.parametrize("name", NAMES)
def test_unknown_key_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="speed"):
        behaviours()[name](speed=1)


@pytest.mark.parametrize("name", NAMES)
def test_names_that_are_not_there_are_all_told_with_those_that_are(name: str) -> None:
    behaviour = behaviours()[name](venues=("gamma",), assets=("DOGE", "BTC"))
    with pytest.raises(InputError) as caught:
        behaviour.act(make_floor())
    text = str(caught.value)
    assert len(caught.value.mistakes) == 2
    assert f"behaviour {name}" in text
    assert "'gamma'" in text
    assert "alpha, beta" in text
    assert "'DOGE'" in text
    assert "BTC, ETH" in text


@pytest.mark.parametrize("name", ACTIVE)
@pytest.mark.parametrize("column", ["session", "price"])
def test_no_order_where_none_is_accepted_or_priced(name: str, column: str) -> None:
    floor = make_floor()
    caller, table = Caller(active(name).act(floor), floor), make_table(floor)
    rng = np.random.default_rng(3)
    table[:, c.RATE], table[:, c.DISCLOSED] = 0.01, 1.0
    table[:, c.LONGS_NEAR], table[:, c.INTEREST] = 1e9, 1e4
    caller.step(table)
    table[:, [c.BID, c.MID, c.ASK]] *= rng.uniform(0.8, 1.2, (len(floor), 1))
    if column == "session":
        table[:, c.SESSION] = np.where(np.arange(len(floor)) % 2, c.HALTED, c.DOWN)
    else:
        table[:, [c.BID, c.MID, c.ASK]] = 0.0
    orders = caller.step(table)
    assert not orders.any()
    assert np.isfinite(caller.own).all()


@pytest.mark.parametrize("name", ACTIVE)
def test_same_seed_same_orders_and_finite_ones(name: str) -> None:
    floor = make_floor(inverse=("beta",))

    def orders() -> np.ndarray:
        caller, table = Caller(active(name).act(floor), floor), make_table(floor)
        rng = np.random.default_rng(3)
        table[:, c.RATE], table[:, c.DISCLOSED] = 0.01, 1.0
        table[:, c.LONGS_NEAR], table[:, c.INTEREST] = 1e9, 1e4
        out = []
        for _ in range(30):
            table[:, [c.BID, c.MID, c.ASK]] *= np.exp(rng.normal(0, 0.01, (len(floor), 1)))
            out.append(caller.step(table))
            caller.fill(table, out[-1])
        return np.stack([*out, table[:, [c.WILL] * c.ORDER_COLUMNS]])

    first = orders()
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, orders())


@pytest.mark.parametrize("name", ACTIVE)
def test_only_its_own_numbers_and_the_willingness_are_written(name: str) -> None:
    floor = make_floor()
    caller, table = Caller(active(name).act(floor), floor), make_table(floor)
    parameters = caller.hook.parameters.copy()
    for _ in range(3):
        table[:, [c.BID, c.MID, c.ASK]] *= 0.97
        before = table.copy()
        caller.step(table)
        changed = np.flatnonzero((before != table).any(axis=0))
        assert set(changed) <= ({c.WILL} if name == "market_maker" else set())
    np.testing.assert_array_equal(parameters, caller.hook.parameters)
    assert not caller.held.any()


@pytest.mark.parametrize("name", NAMES)
def test_draws_of_traders_repeat_and_keep_to_the_named(name: str) -> None:
    floor = make_floor()
    columns = ("scale", "stop", "plan", "turn", "topup", "call", "cut_at", "cut_to")
    all_, same, one = (make_traders(floor) for _ in range(3))
    kind = behaviours()[name]
    extra = {"reserve": 0.5} if name == "leveraged_retail" else {}
    kind(**extra).traders(all_, np.random.default_rng(9))
    kind(**extra).traders(same, np.random.default_rng(9))
    kind(**extra, venues=("alpha",)).traders(one, np.random.default_rng(9))
    before = make_traders(floor)
    here = one.book.accounts.venue == one.book.venues.index("alpha")
    for column in columns:
        np.testing.assert_array_equal(getattr(all_, column), getattr(same, column))
        # what is drawn for those named is what it would be without the limit
        np.testing.assert_array_equal(getattr(one, column)[here], getattr(all_, column)[here])
        np.testing.assert_array_equal(getattr(one, column)[~here], getattr(before, column)[~here])


DROPPED = '''
"""Buys one contract of everything, every step."""

from pydantic import Field

from seawall._jit import hook
from seawall.core import _columns as c
from seawall.core.hooks import Floor, Hook
from seawall.sim.behaviours import Behaviour


class Pusher(Behaviour):
    """Buys."""

    title = "Pusher"
    size: float = Field(1.0, ge=0, le=10, description="Contracts a second")

    def act(self, floor: Floor) -> Hook:
        import numpy as np

        return Hook(_act, np.array([self.size]))


@hook
def _act(markets, own, parameters, clock, key, orders):
    for m in range(markets.shape[0]):
        orders[m, c.QUANTITY] = parameters[0] * clock[c.DT]
'''


def test_a_file_dropped_in_is_a_behaviour(tmp_path, monkeypatch) -> None:
    folder = tmp_path / "behaviours"
    folder.mkdir()
    (folder / "pusher.py").write_text(DROPPED)
    monkeypatch.setenv("SEAWALL_PLUGINS", str(tmp_path))
    kind = behaviours()["pusher"]
    floor = make_floor(step=0.5)
    orders = Caller(kind(size=3.0).act(floor), floor).step(make_table(floor))
    assert (orders[:, c.QUANTITY] == 1.5).all()
    monkeypatch.delenv("SEAWALL_PLUGINS")
    assert "pusher" not in behaviours()
