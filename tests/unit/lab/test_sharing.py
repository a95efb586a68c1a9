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
    assert max(deficits) < 1.5 * min(deficits)


def test_queues_take_more_than_was_lost_and_shares_do_not(study: SharingStudy) -> None:
    rows = {r.rule: r for r in study.rows}
    for name in ("binance", "queue", "hyperliquid"):
        assert rows[name].overshoot_usd[0] > rows[name].deficits_usd[0]
    for name in ("pro_rata", "risk_aware_pro_rata", "deribit", "none"):
        assert rows[name].adl_usd[0] == 0.0
        assert rows[name].overshoot_usd[0] == pytest.approx(0.0, abs=1e-6)
    assert rows["pro_rata"].paid_usd[0] > 0
    assert rows["none"].paid_usd[0] == rows["none"].given_up_usd[0] == 0.0


def test_the_report_keeps_to_its_schema(study: SharingStudy) -> None:
    made = sharing_report(study)
    jsonschema.validate(json.loads(to_json(made)), schema_of("study-loss-rules"))
    assert "beyond the deficits" in made.answer[0]
