"""Events as the bytes of the log, and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from made_tapes import made_tape, rows_of
from seawall.core import InternalError
from seawall.core.tape import Tape
from seawall.ingest.store.disk import StoreError
from seawall.ingest.store.rows import decode, encode


@pytest.mark.parametrize("size", [1, 7, 333])
def test_events_come_back_as_they_were(size: int) -> None:
    tape = made_tape(1000)
    payloads = [p for at in range(0, 1000, size) for p in encode(tape.take(slice(at, at + size)))]
    assert rows_of(decode(payloads)) == rows_of(tape)


def test_names_of_several_tapes_become_one_table() -> None:
    tape = made_tape(50)
    other = made_tape(50, seed=1, first_id=1000)
    renamed = {"venues": ("gate", "bybit", "deribit", "htx"), "sources": ("a", "b")}
    columns = {f: getattr(other, f) for f in other.__slots__}
    joined = [*encode(tape), *encode(Tape(**{**columns, **renamed}))]
    both = decode(joined)
    expected = rows_of(tape) + rows_of(Tape(**{**columns, **renamed}))
    assert sorted(rows_of(both)) == sorted(expected)
    assert len(set(both.venues)) == len(both.venues)


def test_a_large_tape_is_several_frames() -> None:
    tape = made_tape(120_001)
    payloads = list(encode(tape))
    assert len(payloads) == 3
    back = decode(payloads)
    for name in ("time", "event_id", "notional", "side", "account"):
        np.testing.assert_array_equal(getattr(back, name), getattr(tape, name))


def test_a_code_without_a_name_and_a_later_schema_are_refused() -> None:
    tape = made_tape(3)
    broken = Tape(**{**{f: getattr(tape, f) for f in tape.__slots__}, "assets": ("BTC",)})
    with pytest.raises(InternalError, match="code without a name"):
        list(encode(broken))
    for column in ("kind", "coverage"):
        wrong = replace(tape, **{column: np.array([0, 1, 4], dtype=np.int8)})
        with pytest.raises(InternalError, match=f"a {column} that is none"):
            list(encode(wrong))
    with pytest.raises(StoreError, match="schema 9"):
        decode([], version=9)
