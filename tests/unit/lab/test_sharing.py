"""One crash under every loss rule."""

from __future__ import annotations

import json

import jsonschema
import pytest

from seawall.lab.sharing import SharingStudy, run
from seawall.report.encode import to_json
from seawall.report.schema import schema_of
from seawall.report.sharing import sharing_report
from seawall.rulebook.losses import loss_rules


@pytest.fixture(scope="module")
def study() -> SharingStudy:
    return run(reduced=True)


def test_every_rule_meets_the_same_crash(study: SharingStudy) -> None:
    rows = {r.rule: r for r in study.rows}
    assert set(rows) == set(loss_rules())
    deficits = [r.deficits_usd[0] for r in study.rows]
    assert min(deficits) > 0
    assert max(deficits) < 2.0 * min(deficits)


def test_queues_close_winners_and_rules_in_cash_take_no_more_than_was_lost(
    study: SharingStudy,
) -> None:
    rows = {r.rule: r for r in study.rows}
    nobody = rows["none"]
    for name in ("binance", "queue", "hyperliquid", "okx"):
        assert rows[name].adl_usd[0] > 0.0
        assert rows[name].paid_usd[0] == 0.0
        # what winners take over the funds need not sell into the falling book
        assert rows[name].forced_usd[0] < nobody.forced_usd[0]
    # its liquidator is closed out before it owes what it has not
    assert rows["hyperliquid"].bad_debt_usd[0] < nobody.bad_debt_usd[0]
    for name in ("pro_rata", "risk_aware_pro_rata", "deribit", "none"):
        assert rows[name].adl_usd[0] == 0.0
        assert rows[name].overshoot_usd[0] == pytest.approx(0.0, abs=1e-6)
    assert 0.0 < rows["pro_rata"].paid_usd[0] <= rows["pro_rata"].deficits_usd[0]
    assert nobody.paid_usd[0] == nobody.given_up_usd[0] == 0.0
    for row in study.rows:
        assert row.overshoot_usd[0] >= 0.0


def test_the_report_keeps_to_its_schema(study: SharingStudy) -> None:
    made = sharing_report(study)
    jsonschema.validate(json.loads(to_json(made)), schema_of("study-loss-rules"))
    assert "beyond the deficits" in made.answer[0]
