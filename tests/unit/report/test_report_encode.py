from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.core import InputError, InternalError
from seawall.report import Kind, Report
from seawall.report.encode import plain, to_csv, to_json


@dataclass(frozen=True)
class Pair:
    left: float
    right: Kind


def test_json_starts_with_its_schema_and_keeps_the_order(report: Report) -> None:
    ordered = replace(report, payload={"z": 1, "a": {"y": 2, "b": 3}})
    text = to_json(ordered)
    assert text == to_json(ordered)
    assert list(json.loads(text)) == ["schema", "z", "a", "answer", "assumptions"]
    assert list(json.loads(text)["a"]) == ["y", "b"]
    assert json.loads(text)["schema"] == "seawall.test/1"


def test_not_finite_becomes_null_everywhere(report: Report) -> None:
    payload = {
        "a": math.nan,
        "b": [math.inf, 1.5],
        "c": np.array([1.0, np.nan, -np.inf]),
        "d": np.float32("nan"),
        "e": {"f": (np.float64(2.5),)},
    }
    decoded = json.loads(to_json(replace(report, payload=payload)))
    assert {key: decoded[key] for key in payload} == {
        "a": None,
        "b": [None, 1.5],
        "c": [1.0, None, None],
        "d": None,
        "e": {"f": [2.5]},
    }


def test_numpy_and_other_kinds_become_plain() -> None:
    assert plain(np.arange(3)) == [0, 1, 2]
    assert plain(np.array([[True, False]])) == [[True, False]]
    assert plain(np.array(["a", "b"])) == ["a", "b"]
    assert plain(np.int32(4)) == 4
    assert type(plain(np.bool_(True))) is bool
    assert plain(Kind.LOWER_BOUND) == "lower bound"
    assert plain(Pair(math.nan, Kind.MODELLED)) == {"left": None, "right": "modelled"}
    assert plain({3: 1, Kind.MEASURED: 2}) == {"3": 1, "measured": 2}
    assert plain({"b", "a"}) == ["a", "b"]
    assert plain(date(2025, 11, 21)) == "2025-11-21"
    assert plain(datetime(2025, 11, 21, tzinfo=UTC)) == "2025-11-21T00:00:00+00:00"


def test_what_json_has_no_form_for_is_our_mistake(report: Report) -> None:
    with pytest.raises(InternalError, match="object"):
        to_json(replace(report, payload={"x": object()}))


_LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)
_TREES = st.recursive(
    _LEAVES | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(_TREES)
def test_json_reads_back_as_it_was(tree: object) -> None:
    document = json.loads(to_json(Report("s/1", "T", payload={"tree": tree})))
    assert document["tree"] == tree


def test_csv_is_the_main_table_raw(report: Report) -> None:
    rows = list(csv.reader(io.StringIO(to_csv(report))))
    assert rows[0] == ["account", "notional_usd", "distance", "seen", "cross"]
    assert rows[1] == ["alice", "1500000.0", "-0.1", "2025-11-20T23:59:59Z", "true"]
    assert rows[2] == ['b"ob, jr', "", "", "", "false"]
    assert float(rows[3][1]) == 0.1 + 0.2
    assert rows[3][0] == "<script>alert(1)</script>"


def test_csv_of_another_table_and_of_none(report: Report) -> None:
    assert to_csv(report, "small") == "k\n1\n"
    with pytest.raises(InputError, match="allowed: small, accounts"):
        to_csv(report, "nope")
    with pytest.raises(InputError, match="no table"):
        to_csv(Report("s/1", "T"))
