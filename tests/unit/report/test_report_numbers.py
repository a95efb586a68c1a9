from __future__ import annotations

import math
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.report import Headline, Kind, Unit
from seawall.report import numbers as n
from seawall.report.numbers import span_words


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (1.59e9, Unit.USD, "$1.59 bn"),
        (36.78e6, Unit.USD, "$36.8 M"),
        (412_300, Unit.USD, "$412 k"),
        (999_960_000, Unit.USD, "$1.00 bn"),
        (999.4, Unit.USD, "$999.40"),
        (950, Unit.USD, "$950"),
        (0.0, Unit.USD, "$0"),
        (0.001, Unit.USD, "<$0.01"),
        (-3.1e7, Unit.USD, "-$31.0 M"),
        (1.3e12, Unit.USD, "$1.30 tn"),
        (1.234e16, Unit.USD, "$12,340 tn"),
        (86_600.0, Unit.PRICE, "86,600"),
        (83_214.5, Unit.PRICE, "83,214.5"),
        (0.000012345, Unit.PRICE, "0.000012345"),
        (3055.25, Unit.PRICE, "3,055.25"),
        (-0.1, Unit.FRACTION, "-10.00%"),
        (0.7196, Unit.FRACTION, "71.96%"),
        (0.0000123, Unit.FRACTION, "0.0012%"),
        (-1e-12, Unit.FRACTION, "0.00%"),
        (-6e-9, Unit.FRACTION, "-0.000001%"),
        (0.0, Unit.FRACTION, "0.00%"),
        (45.0, Unit.FRACTION, "4,500%"),
        (391_164, Unit.COUNT, "391,164"),
        (2.5, Unit.COUNT, "2.5"),
        (1.845, Unit.FACTOR, "1.84×"),  # the nearest double lies below 1.845
        (0.125, Unit.FACTOR, "0.13×"),  # an exact tie goes away from zero
        (125.0, Unit.FACTOR, "125.0×"),
        (3.44, Unit.SIGMA, "3.4 σ"),
        (1_763_683_199_000_000_000, Unit.TIME, "2025-11-20T23:59:59Z"),
        (0, Unit.TIME, "unknown"),
        (True, Unit.TEXT, "yes"),
        (np.bool_(False), Unit.TEXT, "no"),
        (np.float64(0.5), Unit.FRACTION, "50.00%"),
        (None, Unit.USD, "–"),
        (math.nan, Unit.PRICE, "–"),
        ("", Unit.TEXT, "–"),
        (math.inf, Unit.FACTOR, "∞"),
        (-math.inf, Unit.FRACTION, "-∞"),
        (Kind.LOWER_BOUND, Unit.TEXT, "lower bound"),
    ],
)
def test_a_value_is_printed_as_documented(value: object, unit: Unit, shown: str) -> None:
    assert n.text(value, unit) == shown


_SCALES = {"tn": 1e12, "bn": 1e9, "M": 1e6, "k": 1e3}


@given(st.floats(-1e15, 1e15))
def test_money_reads_back_to_three_digits(value: float) -> None:
    shown = n.text(value, Unit.USD)
    if shown.startswith(("<", "-<")):
        assert 0 < abs(value) < 0.005
        return
    found = re.fullmatch(r"(-?)\$([\d,.]+)(?: (tn|bn|M|k))?", shown)
    assert found is not None, shown
    size = float(found[2].replace(",", "")) * _SCALES.get(found[3], 1.0)
    assert math.isclose(size, abs(value), rel_tol=0.00505, abs_tol=0.00501)
    assert (found[1] == "-") == (value < 0 and size > 0)


@given(st.floats(1e-9, 1e15), st.booleans())
def test_prices_keep_six_digits(value: float, negative: bool) -> None:
    shown = n.text(-value if negative else value, Unit.PRICE).replace(",", "")
    tolerance = 0.51e-12 if value < 1e-6 else 0.0
    assert math.isclose(abs(float(shown)), value, rel_tol=5.01e-6, abs_tol=tolerance)
    assert not re.search(r"\.\d*0$|\.$", shown)


@given(st.floats(allow_nan=True, allow_infinity=True), st.sampled_from(list(Unit)))
def test_every_float_can_be_printed(value: float, unit: Unit) -> None:
    if unit is not Unit.TIME:
        assert n.text(value, unit)


def test_a_name_cannot_drive_the_terminal() -> None:
    hostile = "a\x1b[2Jb\u202ec\nd"
    assert n.text(hostile, Unit.TEXT) == "a\ufffd[2Jb\ufffdc d"


def test_interval_and_headline() -> None:
    assert n.interval(1.2e9, 2e9, Unit.USD) == "5–95%: $1.20 bn … $2.00 bn"
    assert n.interval(None, 2.0, Unit.USD) == ""
    assert n.interval(math.nan, 2.0, Unit.USD) == ""
    sure = Headline("a", "A", 12, Unit.COUNT)
    assert n.headline(sure) == "12 (measured)"
    spread = Headline("a", "A", 0.5, Unit.FRACTION, Kind.MODELLED, 0.25, 0.75)
    assert n.headline(spread) == "50.00% (5–95%: 25.00% … 75.00%; modelled)"


def test_inputs_are_listed_in_plain_words() -> None:
    assert n.plain_words(500_000) == "500,000"
    assert n.plain_words(1.5e20) == "1.5e+20"
    assert n.plain_words(["a", 2.5]) == "a, 2.5"
    assert n.plain_words(()) == "–"
    assert n.plain_words(math.nan) == "–"


def test_raw_values_are_plain_scalars() -> None:
    assert n.raw(np.int64(3), Unit.COUNT) == 3
    assert type(n.raw(np.float32(0.5), Unit.USD)) is float
    assert n.raw(math.nan, Unit.USD) is None
    assert n.raw(0, Unit.TIME) is None
    assert n.raw(1_763_683_199_000_000_000, Unit.TIME) == "2025-11-20T23:59:59Z"


def test_the_model_does_not_load_a_face() -> None:
    code = (
        "import sys, seawall.report.model; "
        "print([m for m in ('rich', 'json.encoder', 'seawall.report.page') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "rich" not in done.stdout
    assert "page" not in done.stdout


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(86_400, "24 h"), (172_800, "2 days"), (604_800, "7 days"), (129_600, "36 h"),
     (900, "15 min"), (5_400, "90 min"), (3_600, "1 h"), (61, "61 s"), (1.5, "1.5 s")],
)  # fmt: skip
def test_a_window_is_told_as_it_is_asked_for(seconds: float, words: str) -> None:
    assert span_words(seconds) == words
