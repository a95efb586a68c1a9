"""Every folder in ``rulebook/venues`` keeps the same promises; a new one needs no edit."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from seawall.core import (
    AdlPrice,
    AdlTrigger,
    MarginSchedule,
    Surplus,
    TierUnit,
    parse_time,
)
from seawall.rulebook import Rules
from seawall.rulebook._files import read_file
from seawall.rulebook.rules import BUNDLE

FOLDERS = sorted(p.name for p in BUNDLE.iterdir() if p.is_dir())
RULES = Rules.from_folders(BUNDLE)
DOCS = Path(__file__).resolve().parents[2] / "docs" / "methods"


def files(venue):
    return [(p, read_file(p)) for p in sorted((BUNDLE / venue).glob("*.toml"))]


def test_every_folder_is_a_venue():
    assert set(RULES.venues()) == set(FOLDERS)


@pytest.mark.parametrize("venue", FOLDERS)
def test_every_venue_is_documented(venue):
    bundled = (DOCS / "rulebooks.md").read_text(encoding="utf-8")
    (heading,) = re.findall(rf"^### (.+) \(`{venue}`\)$", bundled, re.MULTILINE)
    margins, losses = (
        _first_cells((DOCS / page).read_text(encoding="utf-8"), title)
        for page, title in (("margin.md", "What differs by venue"), ("waterfall.md", "By venue"))
    )
    assert heading.casefold() in margins
    assert heading.casefold() in losses


def _first_cells(page, title):
    """First cells of the table below a heading, as one text."""
    section = page.split(f"\n## {title}\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    return " / ".join(row.split("|")[1].strip() for row in rows).casefold()


@pytest.mark.parametrize("venue", FOLDERS)
def test_every_block_has_a_source(venue):
    for path, file in files(venue):
        blocks = [*file.contracts, *file.brackets]
        for rule in file.rules:
            stated = (rule.margin, rule.liquidation, rule.loss, rule.funding, rule.mark_price)
            assert any(stated), f"{path}: an empty block of {rule.effective_from}"
            blocks += [s for s in stated if s is not None]
        if file.venue is not None:
            blocks.append(file.venue)
        for block in blocks:
            assert len(block.source) >= 7, f"{path}: {block}"


@pytest.mark.parametrize("venue", FOLDERS)
def test_blocks_stand_in_the_order_of_their_dates(venue):
    for path, file in files(venue):
        for blocks in (file.rules, file.brackets):
            days = [b.effective_from for b in blocks]
            assert days == sorted(days), path
        for block in file.brackets:
            assert block.observed is None or block.observed >= block.effective_from, path
    days = RULES.terms_days(venue)
    assert len(set(days)) == len(days)


@pytest.mark.parametrize("venue", FOLDERS)
def test_the_venue_is_found_by_name_alias_and_example(venue):
    identity = RULES.identity(venue)
    assert RULES.canonical_venue(venue.upper().replace("_", " ")) == venue
    for alias in identity.aliases:
        assert venue in {RULES.canonical_venue(alias, kind) for kind in ("linear", "inverse")}
    for example in identity.examples:
        found = RULES.instrument(venue, example)
        assert found.contract_type.value in identity.contract_types
        assert RULES.instrument(venue, found.symbol, found.contract_type.value) == found
    for kind in identity.contract_types:
        assert RULES.instrument(venue, "BTC", kind).contract_type.value == kind


@pytest.mark.parametrize("venue", FOLDERS)
def test_the_terms_of_every_date_are_sane(venue):
    for day in RULES.terms_days(venue):
        terms = RULES.terms(venue, parse_time(day))
        assert terms.venue == venue
        assert terms.effective_from == day
        assert terms.title
        assert terms.mark.text
        assert len(terms.sources) == 5
        assert max(map(len, terms.sources)) <= 120
        assert 0 <= terms.margin.taker_fee < 0.01
        assert 0 <= terms.liquidation.fee < 0.05
        assert 0 < terms.liquidation.fraction <= 1
        assert terms.loss.fund_usd >= 0
        assert 0 < terms.funding.interval_hours <= 24
        if terms.loss.trigger is AdlTrigger.FUND_DRAWDOWN:
            assert 0 < terms.loss.drawdown < 1
            assert terms.liquidation.surplus is Surplus.FUND
        else:
            assert terms.loss.drawdown == 1
        if terms.loss.price_falls_back_to_mark_beyond is not None:
            assert terms.loss.price is AdlPrice.BANKRUPTCY


def requirement(schedule: MarginSchedule, size):
    bracket = schedule.bracket(size)
    return schedule.rates[bracket] * size - schedule.deductions[bracket]


def all_schedules(venue):
    for path, file in files(venue):
        for block in file.brackets:
            for symbol in block.instruments:
                day = parse_time(str(block.effective_from))
                yield path, symbol, RULES.schedule(venue, symbol, day)


@pytest.mark.parametrize("venue", FOLDERS)
def test_schedules_are_named_the_venues_way_and_valid(venue):
    seen = 0
    for path, symbol, schedule in all_schedules(venue):
        seen += 1
        assert RULES.instrument(venue, symbol).symbol == symbol, f"{path}: {symbol}"
        assert not schedule.cautious
        assert 0 < len(schedule.source) <= 140
        assert schedule.rates[0] > 0
        known = schedule.max_leverage[np.isfinite(schedule.max_leverage)]
        assert np.all(np.diff(known) < 0), f"{path}: {symbol} leverage does not fall"
        room = schedule.rates * schedule.max_leverage
        assert np.nanmax(room) <= 1.0, f"{path}: {symbol} needs more than its initial margin"
        if schedule.unit is TierUnit.NOTIONAL:
            edges = schedule.floors[1:]
            below = schedule.rates[:-1] * edges - schedule.deductions[:-1]
            above = schedule.rates[1:] * edges - schedule.deductions[1:]
            assert np.allclose(below, above, rtol=1e-5, atol=0.011), f"{path}: {symbol}"
    assert seen == sum(len(b.instruments) for _, f in files(venue) for b in f.brackets)


def contract_values(venue):
    """USD values of a contract, where a venue's stand-in reads tiers by contracts."""
    stated = [b.any.contract_usd for _, f in files(venue) for b in f.brackets if b.any is not None]
    return {symbol: value for values in stated for symbol, value in values.items()}


@pytest.mark.parametrize("venue", FOLDERS)
def test_the_stand_in_is_the_most_cautious(venue):
    stand_in = RULES.schedule(venue, "NOSUCHCOIN")
    values = contract_values(venue)
    assert stand_in.cautious == (venue != "generic")
    assert stand_in.unit is TierUnit.NOTIONAL
    assert len(stand_in.source) <= 140
    sizes = np.geomspace(1, 1e9, 200)
    for path, symbol, schedule in all_schedules(venue):
        assert stand_in.rates[0] >= schedule.rates[0], f"{path}: {symbol}"
        if RULES.instrument(venue, symbol).inverse:
            continue
        if schedule.unit is TierUnit.NOTIONAL:
            need = requirement(schedule, sizes)
        elif symbol in values:
            need = schedule.rates[schedule.bracket(sizes / values[symbol])] * sizes
        else:
            continue
        assert np.all(requirement(stand_in, sizes) >= need * (1 - 1e-9)), f"{path}: {symbol}"


@pytest.mark.parametrize("venue", FOLDERS)
def test_the_stand_in_is_continuous_and_bends_upwards(venue):
    stand_in = RULES.schedule(venue, "NOSUCHCOIN")
    smooth = MarginSchedule.continuous(stand_in.floors, stand_in.rates)
    assert np.allclose(stand_in.deductions, smooth.deductions)
    sizes = np.geomspace(1, 1e9, 200)
    lines = stand_in.rates[:, None] * sizes - stand_in.deductions[:, None]
    assert np.allclose(requirement(stand_in, sizes), lines.max(axis=0))


def test_a_folder_dropped_in_is_a_venue(tmp_path):
    home = tmp_path / "newvenue"
    shutil.copytree(BUNDLE / "generic", home)
    identity = (home / "venue.toml").read_text().replace("Generic venue", "New venue")
    (home / "venue.toml").write_text(identity.replace('aliases = ["other"', 'aliases = ["nv"'))
    rules = Rules.from_folders(BUNDLE, tmp_path)
    assert "newvenue" in rules.venues()
    assert rules.canonical_venue("New-Venue") == rules.canonical_venue("NV") == "newvenue"
    assert rules.terms("newvenue").title == "New venue"
    assert rules.instrument("newvenue", "BTCUSDT").venue == "newvenue"
    assert rules.schedule("newvenue", "BTCUSDT").rates[0] == 0.01
