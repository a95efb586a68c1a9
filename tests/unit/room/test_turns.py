"""Those who ask much do not make the others wait."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from room_server import PATIENCE, serving
from seawall.app.serve_command import room_of
from seawall.room.answers import Answers
from seawall.room.jobs import Jobs, Say, State
from seawall.room.problems import RefusedError
from seawall.room.turns import CLIENT, NoTurnError, Queued, Rota, Turns


@given(st.lists(st.sampled_from("abcd"), max_size=40))
def test_each_client_is_served_once_before_any_twice(clients: list[str]) -> None:
    rota: Rota[tuple[str, int]] = Rota()
    for k, client in enumerate(clients):
        rota.put(client, (client, k))
    told = rota.order()
    found = []
    while (taken := rota.take({})) is not None:
        found.append(taken[1])
    assert found == told
    assert sorted(found) == sorted((c, k) for k, c in enumerate(clients))
    turns = Counter(clients)
    for begin in range(len(found)):
        seen = Counter(c for c, _ in found[:begin])
        left = {c: seen[c] for c in turns if seen[c] < turns[c]}
        # whoever waits has had as many turns as any other, but for the round that is going on
        assert max(seen.values(), default=0) - min(left.values()) <= 1
    for client in turns:
        mine = [k for c, k in found if c == client]
        assert mine == sorted(mine)


def test_one_with_less_under_way_goes_first() -> None:
    rota: Rota[str] = Rota()
    for client, thing in (("a", "a1"), ("b", "b1")):
        rota.put(client, thing)
    assert rota.take({"a": 1}) == ("b", "b1")
    rota.drop("a", "a1")
    assert len(rota) == 0


@pytest.mark.parametrize("honest", ["here", "there"])
def test_new_names_do_not_starve_one_that_was_served(honest: str) -> None:
    """Each time that a turn ends two new names ask: one who waits is next but for those before."""
    rota: Rota[int] = Rota()
    rota.put(f"{honest} honest", -1)
    assert rota.take({}) == (f"{honest} honest", -1)
    for k in range(4):
        rota.put(f"here {k}", k)
    rota.put(f"{honest} honest", -1)
    found = []
    for k in range(4, 40, 2):
        taken = rota.take({})
        assert taken is not None
        found.append(taken[1])
        rota.serve(taken[0])
        rota.put(f"here {k}", k)
        rota.put(f"here {k + 1}", k + 1)
    assert found.index(-1) == (4 if honest == "here" else 1)
    rest = [k for k in found if k >= 0]
    assert rest == list(range(len(rest))), "the names of one address go as they came"


def test_an_address_with_many_names_has_every_second_turn_beside_another() -> None:
    rota: Rota[str] = Rota()
    for k in range(8):
        rota.put(f"many {k}", f"m{k}")
    for k in range(3):
        rota.put("one x", f"x{k}")
    assert rota.order() == ["m0", "x0", "m1", "x1", "m2", "x2", "m3", "m4", "m5", "m6", "m7"]
    assert rota.take({"many 0": 1}) == ("one x", "x0")


def test_tabs_of_one_address_share_in_turn() -> None:
    rota: Rota[str] = Rota()
    for tab, count in (("a", 3), ("b", 2), ("c", 1)):
        for k in range(count):
            rota.put(f"127.0.0.1 {tab}", f"{tab}{k}")
    assert rota.order() == ["a0", "b0", "c0", "a1", "b1", "a2"]
    # one that has its turn now comes after those who wait
    assert rota.order(["127.0.0.1 a"]) == ["b0", "c0", "a0", "b1", "a1", "a2"]


def test_an_address_with_many_names_leaves_room_for_others() -> None:
    release = threading.Event()
    jobs = Jobs(lambda _: b"{}", waiting=32, each=16)
    try:
        jobs.ask("simulate", lambda _: release.wait(PATIENCE), "many x")
        while jobs.listed()[0]["state"] != State.RUNNING:
            threading.Event().wait(0.01)
        for k in range(24):
            jobs.ask("simulate", lambda _: release.wait(PATIENCE), f"many {k // 4}")
        with pytest.raises(RefusedError, match="of your address are waiting") as refused:
            jobs.ask("simulate", lambda _: release.wait(PATIENCE), "many new")
        assert refused.value.status == 429
        other = jobs.ask("check", lambda _: release.wait(PATIENCE), "other x")
        assert other.ahead == 1
    finally:
        release.set()
        jobs.close()


def test_a_second_client_waits_for_one_question_and_not_for_all() -> None:
    async def go() -> list[str]:
        turns, order = Turns(at_once=2), []
        steps = {f"a{k}": asyncio.Event() for k in range(8)} | {"b": asyncio.Event()}

        async def ask(name: str) -> None:
            async with turns.at(Queued(name[0]), PATIENCE):
                order.append(name)
                await steps[name].wait()

        tasks = [asyncio.create_task(ask(name)) for name in steps]
        while len(order) < 2:
            await asyncio.sleep(0)
        steps["a0"].set()
        while len(order) < 3:
            await asyncio.sleep(0)
        for step in steps.values():
            step.set()
        await asyncio.gather(*tasks)
        return order

    assert asyncio.run(go())[:4] == ["a0", "a1", "b", "a2"]


def test_a_turn_that_does_not_come_is_given_up_and_lost_to_nobody() -> None:
    async def go() -> None:
        turns, first = Turns(at_once=1, each=2, most=3), asyncio.Event()

        async def hold() -> None:
            async with turns.at(Queued("a"), PATIENCE):
                await first.wait()

        async def ask(client: str, patience: float = PATIENCE) -> str:
            async with turns.at(Queued(client), patience):
                return client

        held = asyncio.create_task(hold())
        await asyncio.sleep(0)
        with pytest.raises(NoTurnError):
            await ask("b", 0.01)
        waiting = [asyncio.create_task(ask(c)) for c in "bbc"]
        await asyncio.sleep(0)
        with pytest.raises(RefusedError, match="of yours are waiting") as mine:
            await ask("b")
        with pytest.raises(RefusedError, match="are waiting") as all_of:
            await ask("d")
        assert (mine.value.status, all_of.value.status) == (429, 429)
        waiting[0].cancel()
        await asyncio.sleep(0)
        waiting.append(asyncio.create_task(ask("d")))
        await asyncio.sleep(0)
        first.set()
        assert await asyncio.gather(*waiting[1:], held) == ["b", "c", "d", None]

    asyncio.run(go())


def test_answers_are_computed_in_turn() -> None:
    class Told:
        """A report that is written as it stands."""

    begun: list[str] = []
    free = threading.Event()

    def work(name: str) -> Any:
        def computed(say: Say) -> Any:
            begun.append(name)
            assert free.wait(PATIENCE)
            return Told()

        return computed

    async def go() -> None:
        answers = Answers(at_once=1, patience=PATIENCE, encode=lambda _: b"{}", each=3)
        asked = [
            asyncio.create_task(answers.of(name, work(name), False, client=name[0]))
            for name in ("a1", "a2", "a3", "a4", "b1")
        ]
        while not begun:
            await asyncio.sleep(0.01)
        with pytest.raises(RefusedError, match="of yours"):
            await answers.of("a5", work("a5"), False, client="a")
        free.set()
        await asyncio.gather(*asked)

    asyncio.run(go())
    assert begun == ["a1", "b1", "a2", "a3", "a4"]


def test_jobs_take_turns_and_say_how_many_go_before() -> None:
    begun, free, order = threading.Event(), threading.Event(), []

    def work(name: str) -> Any:
        def done(say: Say) -> Any:
            order.append(name)
            begun.set()
            assert free.wait(PATIENCE)

        return done

    told: list[dict[str, Any]] = []
    jobs = Jobs(lambda _: b"{}", told.append, waiting=5, each=3)
    try:
        jobs.ask("simulate", work("a1"), "a")
        assert begun.wait(PATIENCE)
        mine = [jobs.ask("simulate", work(f"a{k}"), "a") for k in (2, 3, 4)]
        assert [j.ahead for j in mine] == [1, 2, 3]
        with pytest.raises(RefusedError, match="of yours are waiting"):
            jobs.ask("simulate", work("a5"), "a")
        other = jobs.ask("simulate", work("b1"), "b")
        assert (other.ahead, [j.ahead for j in mine]) == (1, [2, 3, 4])
        assert other.about()["step"] == "waiting, 1 before it"
        assert told[-1]["job"] == mine[-1].key, "those that go later now are told of it"
        jobs.cancel(mine[0].key)
        assert [j.ahead for j in mine] == [None, 2, 3]
        free.set()
        while mine[-1].state is not State.DONE:
            threading.Event().wait(0.01)
        assert order == ["a1", "b1", "a3", "a4"]
        assert mine[-1].about()["ahead"] is None
    finally:
        free.set()
        jobs.close()


def test_a_client_is_told_apart_by_its_own_name(book_file: Path) -> None:
    with serving(room_of(book_file)) as ask:
        asked = {"scenario": "november-2025", "runs": 50}
        first = ask("/api/v1/jobs/simulate", "POST", asked)
        ask.until(first.headers["location"], lambda j: j["state"] == "running")
        keys = [first.json()["job"]]
        for _ in range(3):
            keys.append(ask("/api/v1/jobs/simulate", "POST", asked).json()["job"])
        other = ask("/api/v1/jobs/check", "POST", {}, {CLIENT: "somebody else"}).json()
        assert other["ahead"] == 1
        assert [ask(f"/api/v1/jobs/{key}").json()["ahead"] for key in keys] == [None, 2, 3, 4]
        for key in keys:
            ask(f"/api/v1/jobs/{key}", "DELETE")
        done = ask.until(f"/api/v1/jobs/{other['job']}", lambda j: j["state"] == "done")
        assert done["ahead"] is None
