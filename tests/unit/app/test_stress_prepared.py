"""A book laid out once tells of every shock what a fresh one tells."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from seawall import read_book
from seawall.app import api
from seawall.app.stress_prepared import Kept, PreparedBooks
from seawall.core import InputError
from seawall.margin import MarginBook
from seawall.report.encode import to_json


@pytest.fixture
def margin(book: Path) -> MarginBook:
    return api.bound(read_book(book))


@pytest.mark.parametrize("draws", [0, 8])
@pytest.mark.parametrize("fund", [None, 2e5])
def test_prepared_answers_are_those_of_a_fresh_book(
    book: Path, margin: MarginBook, draws: int, fund: float | None
) -> None:
    kept = PreparedBooks()
    for shock in (
        {"BTC": -0.1}, {"BTC": -0.2}, {"BTC": 0.15}, {"BTC": -0.1, "ETH": -0.13},
        {"ALL": -0.3}, {"BTC": -0.1}, {"BTC": 0.0},
    ):  # fmt: skip
        asked = {"draws": draws, "fund": fund, "liquidates_usd": 5e5}
        warm = api.stress(margin, shock, prepared=kept, **asked)
        cold = api.stress(read_book(book), shock, **asked)
        assert to_json(warm) == to_json(cold)
        assert [c.key for c in warm.charts] == [c.key for c in cold.charts]


def test_what_is_asked_with_decides_what_is_shared(margin: MarginBook) -> None:
    kept = PreparedBooks()

    def rest(**asked: object) -> float:
        made = api.stress(margin, {"BTC": -0.1}, prepared=kept, draws=0, **asked)  # type: ignore[arg-type]
        return float(made.payload["ladder"][20]["final_change"]["BTC"])

    calm, thin = rest(), rest(depth={"BTC": 2e5})
    assert thin < calm
    assert rest() == calm
    empty = {"fund": 1.0}
    reverse = api.stress(margin, {"BTC": -0.1}, prepared=kept, draws=0, **empty)
    own = api.stress(margin, {"BTC": -0.1}, prepared=kept, draws=0)
    assert reverse.payload["reverse"] != own.payload["reverse"]


def test_a_wrong_shock_is_refused_and_leaves_nothing_behind(margin: MarginBook) -> None:
    kept = PreparedBooks()
    with pytest.raises(InputError, match="not in the book"):
        api.stress(margin, {"DOGE": -0.1}, prepared=kept)
    assert api.stress(margin, {"BTC": -0.1}, prepared=kept, draws=0).payload["rounds"]


def test_one_thread_makes_a_thing_and_the_others_have_it() -> None:
    kept: Kept[object] = Kept(2)
    made: list[object] = []
    found: list[object] = []

    def make() -> object:
        time.sleep(0.05)
        made.append(object())
        return made[-1]

    threads = [threading.Thread(target=lambda: found.append(kept.of("a", make))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert found == made * 8


def test_the_one_not_asked_for_longest_goes_first() -> None:
    kept: Kept[str] = Kept(2)
    made: list[str] = []

    def of(key: str) -> None:
        kept.of(key, lambda: made.append(key) or key)  # type: ignore[func-returns-value]

    for key in "abacab":
        of(key)
    assert made == ["a", "b", "c", "b"]


def test_what_could_not_be_made_is_made_by_the_next() -> None:
    kept: Kept[int] = Kept(2)

    def fails() -> int:
        raise InputError("no")

    with pytest.raises(InputError):
        kept.of("a", fails)
    assert kept.of("a", lambda: 3) == 3
