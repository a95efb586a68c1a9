"""The commands as the room offers them: a question read as the command line reads it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from seawall.app import api, options, room_asks, sim_api
from seawall.app.progress import Say
from seawall.app.room_desk_offers import desk_offers
from seawall.app.room_store_offers import kept_run, store_offers
from seawall.app.stress_prepared import PreparedBooks
from seawall.core import InputError, Mistake
from seawall.report.model import Report
from seawall.room.offers import Offer, Place
from seawall.room.problems import RefusedError


def offers() -> tuple[Offer, ...]:
    """Everything that can be asked over the wire."""
    asks, laid_out = room_asks, PreparedBooks()
    return (
        *desk_offers(),
        Offer("map", "What would be forced at each price, where it clusters",
              "seawall.map/1", asks.MapAsk, map_),
        Offer("stress", "What a shock does to the book: the cascade, the fund, who pays",
              "seawall.stress/1", asks.StressAsk, partial(stress, prepared=laid_out)),
        Offer("explain", "The path of one row to its liquidation",
              "seawall.explain/1", asks.ExplainAsk, explain),
        Offer("tape/concentration", "How few hold how much of a book",
              "seawall.tape-concentration/1", asks.ConcentrationAsk, concentration),
        Offer("tape/stats", "What was liquidated, where, how fast, and how much could be seen",
              "seawall.tape-stats/1", asks.TapeStatsAsk, tape_stats, lasting=False),
        Offer("tape/compare", "Two days of a tape beside each other",
              "seawall.tape-compare/1", asks.TapeCompareAsk, tape_compare, lasting=False),
        Offer("simulate", "Run a scenario: who is liquidated when, how far prices fall, who pays",
              "seawall.simulate/1", asks.SimulateAsk, simulate, long=True),
        Offer("compare", "What a reform changes, on the same random numbers",
              "seawall.compare/1", asks.CompareAsk, compare, long=True),
        Offer("study/theory", "The simulator held against theory",
              "seawall.study-theory/1", asks.TheoryAsk, theory, long=True),
        *store_offers(),
    )  # fmt: skip


def map_(ask: room_asks.MapAsk, place: Place, say: Say) -> Report:
    """``seawall map`` of a book on the shelf."""
    volatility, width = options.fractions(ask.sigma, "sigma"), options.within(ask.step, "step")
    reach = options.share(ask.span, "span")
    margin = place.shelf.margin(ask.book)
    names = margin.book.assets
    say("mapping")
    return api.map(
        margin,
        assets=tuple(options.of_book(dict.fromkeys(ask.asset, 0.0), names, "asset")),
        span=reach,
        width=width,
        volatility=options.of_book(volatility, names, "sigma"),
        clusters=ask.clusters,
    )


def stress(
    ask: room_asks.StressAsk, place: Place, say: Say, prepared: PreparedBooks | None = None
) -> Report:
    """``seawall stress`` of a book on the shelf."""
    moves = options.changes(ask.shock, "shock")
    if not moves:
        raise InputError(Mistake("no shock given", "shock", allowed="such as BTC=-10%"))
    market = _market(ask)
    volatility = options.fractions(ask.sigma, "sigma")
    rungs = options.ladder_of(ask.ladder, up=max(moves.values(), key=abs) > 0)
    goal = options.optional_amount(ask.liquidates, "liquidates")
    margin = place.shelf.margin(ask.book)
    names = margin.book.assets
    market["depth"] = options.of_book(market["depth"], names, "depth")
    return api.stress(
        margin,
        options.of_book(moves, names, "shock", ("ALL",)),
        **market,
        partial=ask.partial,
        draws=ask.draws,
        seed=ask.seed,
        ladder=rungs,
        liquidates_usd=goal,
        volatility=options.of_book(volatility, names, "sigma"),
        prepared=prepared,
        progress=say,
    )


def explain(ask: room_asks.ExplainAsk, place: Place, say: Say) -> Report:
    """``seawall explain`` of a row of a book on the shelf."""
    moves, market = options.changes(ask.shock, "shock"), _market(ask)
    margin = place.shelf.margin(ask.book)
    names = margin.book.assets
    market["depth"] = options.of_book(market["depth"], names, "depth")
    say("following the row")
    return api.explain(
        margin,
        ask.row,
        shock=options.of_book(moves, names, "shock", ("ALL",)),
        **market,
        partial=ask.partial,
    )


def concentration(ask: room_asks.ConcentrationAsk, place: Place, say: Say) -> Report:
    """``seawall tape concentration`` of a book on the shelf."""
    from seawall.report.tape_others import concentration_report
    from seawall.risk import concentrations

    book = place.shelf.margin(ask.book).book
    say("counting")
    return concentration_report(book, concentrations(book))


def tape_stats(ask: room_asks.TapeStatsAsk, place: Place, say: Say) -> Report:
    """``seawall tape stats`` of the server's store."""
    from seawall.app import tape_stats as tape

    groups = [b.strip() for b in ask.by.split(",") if b.strip()]
    return tape.stats(
        _store(place),
        ask.window,
        ask.at,
        groups,
        volume_usd=ask.volume,
        open_interest_usd=ask.open_interest,
        progress=say,
    )


def tape_compare(ask: room_asks.TapeCompareAsk, place: Place, say: Say) -> Report:
    """``seawall tape compare`` of the server's store."""
    from seawall.app import tape_stats as tape

    return tape.compare(_store(place), ask.first, ask.second, progress=say)


def simulate(ask: room_asks.SimulateAsk, place: Place, say: Say) -> Report:
    """``seawall simulate`` of a bundled scenario, or of one with safeguards over it."""
    kept = None if ask.save is None else kept_run(place, ask.save)
    scenario = _scenario(ask.scenario, "scenario", ask.levers)
    if kept is not None:
        kept.parent.mkdir(exist_ok=True)
    return sim_api.simulate(
        scenario,
        seed=ask.seed,
        runs=ask.runs,
        workers=1,
        paired=ask.paired,
        domino=ask.domino,
        save=kept,
        progress=say,
    )


def compare(ask: room_asks.CompareAsk, place: Place, say: Say) -> Report:
    """``seawall compare`` of bundled scenarios."""
    del place
    if ask.reform is None and not ask.levers:
        raise InputError(
            Mistake("no reform", "reform", allowed="a scenario, or levers laid over the base")
        )
    base = _scenario(ask.base, "base")
    reform = _scenario(ask.reform or ask.base, "reform", ask.levers)
    return sim_api.compare(base, reform, runs=ask.runs, seed=ask.seed, workers=1, progress=say)


def theory(ask: room_asks.TheoryAsk, place: Place, say: Say) -> Report:
    """``seawall study theory``."""
    from seawall.lab.theory import run
    from seawall.report.theory import theory_report

    del place
    return theory_report(run(ask.reduced, say))


def _market(ask: Any) -> dict[str, Any]:
    """What forced orders meet, read as the command line reads it."""
    funds = options.fund_of(ask.fund)
    for venue in funds if isinstance(funds, dict) else ():
        options.known_venue(venue, "fund")
    return {
        "depth": options.amounts(ask.depth, "depth"),
        "fund": funds,
        "thinning": options.within(ask.thinning, "thinning", 1e6),
        "impact_exponent": options.within(ask.impact_exponent, "impact_exponent", 3.0),
    }


def _store(place: Place) -> Path:
    if place.store is None:
        raise RefusedError(404, Mistake("this server shows no store", "store",
                                   mend="Start it with --store DIR"))  # fmt: skip
    return place.store


def _scenario(name: str, where: str, levers: dict[str, Any] | None = None) -> Any:
    """A bundled scenario's name, or that scenario with levers over it; never a path."""
    from seawall.sim.scenario import scenario_names, with_levers

    known = scenario_names()
    if name not in known:
        allowed = ", ".join(known)
        raise InputError(Mistake("no such scenario", where, value=name, allowed=allowed))
    return with_levers(name, levers) if levers else name
