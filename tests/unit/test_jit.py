"""Work that is done ahead on other threads comes out as if it were not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

import seawall
from seawall._jit import in_order, kernel
from seawall.core.tape import Coverage
from seawall.risk import coverage_check as made
from seawall.risk.coverage import Shows, unseen


@pytest.mark.parametrize("threads", ["1", "2", "5"])
def test_items_come_in_order_and_few_are_taken_ahead(
    threads: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEAWALL_THREADS", threads)
    taken, done = 0, 0

    def items() -> Iterator[int]:
        nonlocal taken
        for k in range(40):
            taken += 1
            yield k

    for item, square in in_order(lambda k: k * k, items(), 3):
        assert (item, square) == (done, done * done)
        done += 1
        assert taken <= done + 3
    assert done == taken == 40


@pytest.mark.parametrize("threads", ["1", "3"])
def test_a_mistake_is_raised_where_its_item_is_due(
    threads: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEAWALL_THREADS", threads)
    came = []

    def call(k: int) -> float:
        return 1 / (4 - k)

    with pytest.raises(ZeroDivisionError):
        came += [k for k, _ in in_order(call, range(10), 2)]
    gone = in_order(call, range(4), 2)
    assert next(gone) == (0, 0.25)
    gone.close()  # type: ignore[attr-defined]


def test_calls_are_made_on_other_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEAWALL_THREADS", "2")
    mine = threading.get_ident()
    assert {t for _, t in in_order(lambda _: threading.get_ident(), range(5), 1)}.isdisjoint({mine})


def test_estimates_do_not_depend_on_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    tapes = [made.thinned(made.whole(np.full(2_000, r), rng), Shows.LATEST) for r in (0.3, 0.6)]
    tape = made.joined(*tapes)
    tape = type(tape)(
        **{name: getattr(tape, name) for name in tape.__slots__}
        | {"coverage": np.full(len(tape), Coverage.ONE_A_SLOT, dtype=np.int8)}
    )
    found = []
    for threads in ("1", "3"):
        monkeypatch.setenv("SEAWALL_THREADS", threads)
        found.append(unseen(tape, draws=20))
    assert len(found[0].fitted) == 2
    assert np.array_equal(found[0].events, found[1].events)
    assert np.array_equal(found[0].drawn_usd, found[1].drawn_usd)


def test_kernels_made_on_several_threads_leave_numbas_settings_as_they_were() -> None:
    def double(x: float) -> float:
        return 2.0 * x

    config: Any = numba.config
    names = ("CACHE_DIR", "CACHE_LOCATOR_CLASSES")
    before = [getattr(config, name, None) for name in names]
    with ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(kernel, [double] * 400))) == 400
    assert [getattr(config, name, None) for name in names] == before


_ASKED = """
import numpy as np
from seawall.margin._ranks import ranks

out = np.zeros(3)
ranks(0, np.ones((9, 3)), out)
print(sum(ranks.stats.cache_hits.values()), sum(ranks.stats.cache_misses.values()))
"""


def test_two_installations_of_the_same_sources_compile_once(tmp_path: Path) -> None:
    first, second = (tmp_path / name / "seawall" for name in ("one", "two"))
    for place in (first, second):
        shutil.copytree(Path(seawall.__file__).parent, place, ignore=lambda *_: {"__pycache__"})

    def stats(place: Path) -> str:
        own = {"PYTHONPATH": str(place.parent), "SEAWALL_CACHE": str(tmp_path)}
        ran = subprocess.run(
            [sys.executable, "-c", _ASKED], env=os.environ | own, capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.strip()

    assert stats(first) == "0 1"
    assert stats(second) == "1 0"
    # another kernel: none of what is kept is taken for it
    with (second / "margin" / "_ranks.py").open("a") as source:
        source.write("# another\n")
    assert stats(second) == "0 1"
