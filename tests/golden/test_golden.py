"""Every named scenario gives the numbers it gave before, or the changelog says why not."""

from __future__ import annotations

import pytest

from golden.regenerate import CHANGELOG, HERE, results_changed
from golden.scenarios import SCENARIOS, expected, gross, moved, results


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_named_scenario_gives_the_numbers_it_gave(name: str) -> None:
    scenario, wanted = SCENARIOS[name], expected(name)
    wanted.pop("because")
    lines = list(moved(wanted, results(scenario), 1e-15 * gross(scenario)))
    told = "\n".join(lines[:12])
    assert not lines, (
        f"{len(lines)} numbers of {name} moved:\n{told}\n"
        'If that is meant, say so under "Results changed" in CHANGELOG.md and run '
        "tests/golden/regenerate.py --because with that sentence."
    )


@pytest.mark.parametrize("name", SCENARIOS)
def test_numbers_that_moved_are_told_in_the_changelog(name: str) -> None:
    because = expected(name)["because"]
    told = results_changed(CHANGELOG.read_text(encoding="utf-8"))
    assert because == "first" or because in told


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_money_of_a_scenario_is_conserved(name: str) -> None:
    stress = expected(name)["stress"]
    venues = stress["venues"]
    for v in venues:
        borne = v["paid_by_fund"] + v["paid_by_adl"] + v["socialised"] + v["bad_debt"]
        assert borne == pytest.approx(v["deficits"], rel=1e-9, abs=1e-6), v["venue"]
    income = sum(v["fees"] + v["surplus"] - v["paid_by_fund"] for v in venues)
    funds = stress["fund_after_usd"] - stress["fund_before_usd"]
    assert funds == pytest.approx(income, rel=1e-9, abs=1e-6)


def test_every_file_belongs_to_a_scenario() -> None:
    assert {p.stem for p in HERE.glob("*.json")} == set(SCENARIOS)
    assert {p.stem for p in HERE.glob("books/*.csv")} == {s.book for s in SCENARIOS.values()}


def test_a_moved_number_is_named() -> None:
    old = {"a": [1.0, 2.0], "b": None, "c": True, "e": {"f": "nan"}}
    assert list(moved(old, old | {"a": [1.0 + 1e-12, 2.0]}, 1e-9)) == []
    assert list(moved(old, old | {"a": [1.0, 2.001]}, 1e-9)) == [
        "a[1]: 2.0 was expected, 2.001 came"
    ]
    assert list(moved(old, {"a": [1.0], "b": 0.0, "c": 1, "d": 0}, 1e-9)) == [
        "a: [1.0, 2.0] was expected, [1.0] came",
        "b: None was expected, 0.0 came",
        "c: True was expected, 1 came",
        "e is gone",
        "d is not known",
    ]


def test_only_the_sections_of_changed_results_count() -> None:
    text = (
        "# Changelog\n\n## [2]\n\n### Results changed\n\n- Depth of\n  SOL halves.\n\n"
        "### Added\n\n- A thing.\n\n## [1]\n\n### Results changed\n\n- Older.\n\n"
        "## [0]\n\n- First.\n"
    )
    told = results_changed(text)
    assert "Depth of SOL halves." in told
    assert "Older." in told
    assert "A thing." not in told
    assert "First." not in told
