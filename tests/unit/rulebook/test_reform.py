"""Reforms print what they change; sets of levers that cannot hold together are refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seawall.core import LossTerms, RuleError, VenueTerms
from seawall.rulebook.levers import levers
from seawall.rulebook.levers.circuit_breaker import CircuitBreaker
from seawall.rulebook.levers.coordinated_breaker import CoordinatedBreaker
from seawall.rulebook.levers.leverage_cap import LeverageCap
from seawall.rulebook.levers.low_leverage import LowLeverage
from seawall.rulebook.levers.position_limit import PositionLimit
from seawall.rulebook.reform import Reform, contradictions


def test_a_reform_prints_its_diff():
    reform = Reform(
        title="Longer pauses, lower caps",
        base={"circuit_breaker": CircuitBreaker(down=0.1, pause=60.0)},
        changed={
            "circuit_breaker": CircuitBreaker(down=0.1, pause=300.0, venues=("okx",)),
            "leverage_cap": LeverageCap(cap=20.0, brackets=({"floor_usd": 1e6, "cap": 5.0},)),
        },
    )
    assert str(reform).splitlines() == [
        "Longer pauses, lower caps",
        "~ levers.circuit_breaker.pause: 60 -> 300",
        "+ levers.circuit_breaker.venues = [okx]",
        "+ levers.leverage_cap.cap = 20",
        "+ levers.leverage_cap.brackets.1.floor_usd = 1e+06",
        "+ levers.leverage_cap.brackets.1.cap = 5",
    ]


def test_the_way_back_swaps_the_signs():
    there = Reform(changed={"leverage_cap": LeverageCap(cap=20.0)})
    back = Reform(base=there.changed)
    assert str(there) == "+ levers.leverage_cap.cap = 20"
    assert str(back) == "- levers.leverage_cap.cap = 20"


def test_terms_are_compared_too():
    terms = VenueTerms("okx", "OKX")
    richer = replace(terms, loss=LossTerms(fund_usd=1e8))
    reform = Reform(base_terms={"okx": terms}, changed_terms={"okx": richer})
    assert str(reform) == "~ terms.okx.loss.fund_usd: 0 -> 1e+08"


def test_no_change():
    same = {"circuit_breaker": CircuitBreaker(preset="luld")}
    assert str(Reform(base=same, changed=same)) == "no change"
    assert str(Reform(changed={"leverage_cap": LeverageCap()})) == "no change"


@pytest.mark.parametrize("name", sorted(levers()))
def test_defaults_are_neutral(name):
    kind = levers()[name]
    assert kind().neutral
    assert kind(venues=("okx",)).neutral


def test_where_levers_meet():
    okx, bybit = PositionLimit(usd=1.0, venues=("okx",)), PositionLimit(usd=1.0, venues=("bybit",))
    everywhere, eth = PositionLimit(usd=1.0), PositionLimit(usd=1.0, assets=("ETH",))
    assert not okx.meets(bybit)
    assert okx.meets(everywhere)
    assert okx.meets(eth)


def test_two_of_a_kind_on_one_market():
    fast, slow = CircuitBreaker(preset="cme_velocity"), CircuitBreaker(preset="luld")
    (why,) = contradictions({"fast": fast, "slow": slow})
    assert why.startswith("fast and slow: two of one kind")
    there = slow.model_copy(update={"venues": ("bybit",)})
    here = fast.model_copy(update={"venues": ("okx",)})
    assert contradictions({"fast": here, "slow": there}) == []
    assert contradictions({"fast": fast, "slow": CircuitBreaker()}) == []
    wide = CoordinatedBreaker(preset="mwcb")
    for pair in ({"fast": fast, "wide": wide}, {"wide": wide, "fast": fast}):
        (why,) = contradictions(pair)
        assert "two breakers on one market" in why
    assert contradictions({"fast": here, "wide": wide.model_copy(update={"venues": ("b",)})}) == []


def test_rules_that_make_others_pointless():
    cap = LeverageCap(cap=20.0, brackets=({"floor_usd": 1e6, "cap": 5.0},))
    (why,) = contradictions({"cap": cap, "limit": PositionLimit(usd=5e5)})
    assert "keeps everyone below the bracket" in why
    assert contradictions({"cap": cap, "limit": PositionLimit(usd=5e6)}) == []
    tight = LeverageCap(cap=0.5)
    (why,) = contradictions({"low": LowLeverage(share=0.65), "cap": tight})
    assert "lower least, or raise the cap" in why


def test_a_reform_that_contradicts_itself_is_refused():
    bad = {"a": CircuitBreaker(preset="luld"), "b": CircuitBreaker(preset="cme_dynamic")}
    Reform(base={}, changed={"a": bad["a"]}).check()
    with pytest.raises(RuleError, match="reform: levers contradict each other") as caught:
        Reform(changed=bad).check()
    assert caught.value.total == 1
