"""Copies are known over a change of generations, in bounded memory."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.ingest.record.recent import Recent


def _events(*numbers: int) -> list:
    return [SimpleNamespace(event_id=n) for n in numbers]


def _numbers(events: list) -> list[int]:
    return [e.event_id for e in events]


def test_a_copy_is_known_in_the_next_generation_and_forgotten_after_it() -> None:
    recent = Recent(most=3)
    assert _numbers(recent.fresh(_events(1, 2, 3))) == [1, 2, 3]
    # the generation has changed: these are the old ones now
    assert recent.fresh(_events(1, 2, 3)) == []
    assert _numbers(recent.fresh(_events(4, 5))) == [4, 5]
    assert recent.fresh(_events(1, 5)) == []
    assert _numbers(recent.fresh(_events(6))) == [6]
    # changed again: of the first three nothing is known any more, of the second three all
    assert recent.fresh(_events(4, 5, 6)) == []
    assert _numbers(recent.fresh(_events(1))) == [1]


@given(st.lists(st.integers(0, 30), max_size=120), st.integers(1, 8), st.integers(1, 5))
def test_of_the_latest_numbers_none_comes_twice(
    numbers: list[int], most: int, at_once: int
) -> None:
    """A copy of any of the last ``most`` fresh events is found; no more than bounded are kept."""
    recent = Recent(most)
    kept: list[int] = []
    for k in range(0, len(numbers), at_once):
        batch = numbers[k : k + at_once]
        fresh = _numbers(recent.fresh(_events(*batch)))
        assert len(set(fresh)) == len(fresh)
        assert set(fresh) <= set(batch)
        assert not set(fresh) & set(kept[-most:])
        assert set(batch) - set(fresh) <= set(kept)
        kept += fresh
        assert len(recent._young) + len(recent._old) < 2 * (most + at_once)


@pytest.mark.parametrize("size", [1, 249, 250, 251])
def test_a_batch_across_the_change_loses_nothing(size: int) -> None:
    recent = Recent(most=250)
    sent = list(range(1000))
    got: list[int] = []
    for k in range(0, 1000, size):
        # the batch before comes again with each one
        got += _numbers(recent.fresh(_events(*sent[max(0, k - size) : k + size])))
    assert got == sent
