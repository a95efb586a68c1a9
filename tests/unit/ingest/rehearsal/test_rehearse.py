"""A rehearsal: known closings through the real client, recorder and store."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from alone import run_alone
from seawall.core import InputError
from seawall.core.tape import Tape
from seawall.ingest.record.recorder import Recorder
from seawall.ingest.rehearsal import rehearse as rehearsal
from seawall.ingest.rehearsal.closings import ASSETS, closings, drawn
from seawall.ingest.rehearsal.compared import Rehearsed, compared
from seawall.ingest.rehearsal.folder import claim, is_rehearsal, refuse_rehearsal
from seawall.ingest.rehearsal.rehearse import Plan, rehearse
from seawall.ingest.rehearsal.server import LoopServer
from seawall.ingest.rehearsal.speeches import SPEECHES
from seawall.ingest.store.outages import outages
from seawall.ingest.store.store import EVER, Store
from seawall.ingest.wire.event import tape_of
from seawall.ingest.wire.venues import ADAPTERS
from seawall.rulebook import Rules

START = 1_790_000_000_000


def test_every_venue_with_a_live_feed_can_be_rehearsed() -> None:
    assert set(SPEECHES) == set(ADAPTERS)
    for name, speech in SPEECHES.items():
        assert speech.venue == name


def test_closings_are_those_of_the_seed_with_heavy_tails() -> None:
    many = drawn(20_000, 3600.0, START, np.random.default_rng(3))
    assert many == drawn(20_000, 3600.0, START, np.random.default_rng(3))
    assert many != drawn(20_000, 3600.0, START, np.random.default_rng(4))
    assert {c.asset for c in many} == set(ASSETS)
    assert [c.time_ms for c in many] == sorted(c.time_ms for c in many)
    assert START <= many[0].time_ms <= many[-1].time_ms < START + 3_600_000
    usd = np.array([c.price * c.quantity for c in many])
    # sizes of a Pareto tail: the mean far above the median, a few make much of the sum
    assert usd.mean() > 2 * np.median(usd)
    assert np.sort(usd)[-200:].sum() > 0.2 * usd.sum()
    alike = {(c.asset, c.side, c.price, c.quantity, c.time_ms) for c in many}
    assert len(alike) == len(many)


def test_a_feed_of_one_a_slot_tells_one_a_slot() -> None:
    some = drawn(2_000, 60.0, START, np.random.default_rng(3), slot_ms=1000)
    slots = [(c.asset, c.time_ms // 1000) for c in some]
    assert len(set(slots)) == len(slots)
    assert [c.number for c in some] == list(range(len(some)))


def test_all_venues_well_behaved(tmp_path: Path) -> None:
    plan = Plan(tmp_path / "r", tuple(SPEECHES), rate=60.0, seconds=1.5)
    found = run_alone(rehearse(plan))
    assert found.sound
    assert {v.venue for v in found.venues} == set(SPEECHES)
    for v in found.venues:
        assert v.sent == v.received == v.stored > 0, v
        assert v.sent == (90 if not v.venue.startswith("binance") else v.sent)
        assert (v.again, v.copies, v.dropped, v.missing, v.doubled, v.foreign) == (0,) * 6
    assert found.acknowledged == sum(v.sent for v in found.venues)
    with Store(tmp_path / "r") as store:
        assert len(store.read()) == found.acknowledged


def test_misbehaving_venues_are_cut_and_stalled_and_nothing_is_lost(tmp_path: Path) -> None:
    plan = Plan(tmp_path / "r", ("okx", "bybit", "deribit"), 80.0, 7.0, seed=2, misbehave=True)
    found = run_alone(rehearse(plan))
    assert found.sound
    for v in found.venues:
        # a busy machine may end the time with a venue cut off, which then sends no more
        assert 400 < v.sent == v.stored <= 560
        assert v.reconnects > 0
        assert v.again > 0
        assert v.received == v.stored + v.copies
    with Store(tmp_path / "r") as store:
        told = outages(store, *EVER)
    assert {o.venue for o in told if o.why == "silent"} == {"okx", "bybit", "deribit"}
    assert any(o.why.startswith("closed by the venue") for o in told)
    # of Deribit alone REST tells all that was missed
    assert {o.venue for o in told if o.refilled} == {"deribit"}


def test_a_second_rehearsal_adds_to_the_first_and_one_that_is_stopped_is_whole(
    tmp_path: Path,
) -> None:
    first = run_alone(rehearse(Plan(tmp_path, ("okx",), 60.0, 1.0)))

    async def stopped() -> rehearsal.Outcome:
        stop = asyncio.Event()

        async def until_some_are_stored() -> None:
            with Store(tmp_path) as store:
                while store.extent()[0] <= first.acknowledged:
                    await asyncio.sleep(0.1)
            stop.set()

        stopping = asyncio.create_task(until_some_are_stored())
        found = await rehearse(Plan(tmp_path, ("okx",), 60.0, 600.0), stop=stop)
        await stopping
        return found

    second = run_alone(stopped())
    assert first.sound
    assert second.sound
    assert 0 < second.acknowledged < 36_000
    assert second.seconds < 300
    with Store(tmp_path) as store:
        assert len(store.read()) == first.acknowledged + second.acknowledged
        assert [o.why for o in outages(store, *EVER, now=0)] == ["not recording"]


class Nowhere:
    """A sink that is never written to."""

    def append(self, tape: Tape) -> None:
        raise AssertionError

    def roll_if_due(self) -> int:
        return 0

    def heard(self) -> dict:
        return {}

    def keep_heard(self, *_: object) -> None:
        raise AssertionError

    def close(self) -> None:
        return None


def test_what_is_missing_doubled_or_never_sent_is_found() -> None:
    rules = Rules.bundled()
    server = LoopServer(SPEECHES["okx"](), closings(30))
    server._reached = 5  # five messages of six closings
    context = ADAPTERS["okx"].context(rules)
    context.learn([(f"{a}-USDT-SWAP", s) for a, s in SPEECHES["okx"].face.items()])
    context.begin(START)
    events = [
        e for c in closings(30) for e in ADAPTERS["okx"].parse(server.speech.tell([c]), context)
    ]
    recorder = Recorder(rehearsal.Recording(venues=("okx",)), Nowhere(), rules)

    def found(kept: list) -> Rehearsed:
        return compared("okx", server, recorder, tape_of(kept))

    def sound(kept: list) -> bool:
        of = found(kept)
        return rehearsal.Outcome(Plan(Path("x")), (of,), len(kept), 1.0).sound

    assert (found(events).stored, found(events).missing) == (30, 0)
    assert sound(events)
    assert (found(events[:-2]).stored, found(events[:-2]).missing) == (28, 2)
    assert not sound(events[:-2])
    assert found([*events, events[3]]).doubled == 1
    assert not sound([*events, events[3]])
    server.end()
    server._reached = 4
    assert found(events).foreign == 6
    assert not sound(events)


def test_a_rehearsal_takes_no_other_folder_and_lets_no_recording_in(tmp_path: Path) -> None:
    other = tmp_path / "tape"
    other.mkdir()
    (other / "store.json").write_text("{}")
    with pytest.raises(InputError, match="neither empty nor the store of a rehearsal"):
        run_alone(rehearse(Plan(other)))
    assert [p.name for p in other.iterdir()] == ["store.json"]
    claim(tmp_path / "r")
    claim(tmp_path / "r")
    assert is_rehearsal(tmp_path / "r")
    with pytest.raises(InputError, match="never happened"):
        refuse_rehearsal(tmp_path / "r")
    refuse_rehearsal(other)


def test_mistakes_of_a_plan_are_told_at_once(tmp_path: Path) -> None:
    plan = Plan(tmp_path, ("okx", "nowhere", "dydx"), rate=-1.0, seconds=0.0)
    with pytest.raises(InputError) as caught:
        run_alone(rehearse(plan))
    assert caught.value.total == 4
    assert list(tmp_path.iterdir()) == []
