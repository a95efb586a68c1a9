"""The desk's commands as the room offers them: read and answered as on the command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from seawall.app import api, options
from seawall.app import room_desk_asks as asks
from seawall.app.market_store import depth_of, sources_of
from seawall.app.progress import Say
from seawall.core import InputError, Mistake
from seawall.report.model import Report
from seawall.room.books import renamed
from seawall.room.offers import Offer, Place
from seawall.room.problems import RefusedError

if TYPE_CHECKING:
    from seawall.app.desk_position import NewPosition
    from seawall.margin import MarginBook
    from seawall.room.sheets import Sent

LONGEST = 90 * 86_400.0
"""Seconds that a question may look ahead; the command line sets no end."""
_STEPS = 40_000_000
"""Simulated prices of one question: paths, hours and assets multiplied."""
_WALKS = 20_000_000
"""Paths times positions of a check with odds."""


def desk_offers() -> tuple[Offer, ...]:
    """A check with odds, size, stop, rescue and allocation."""
    return (
        Offer("check", "Where each position and account is liquidated, how far and how likely",
              "seawall.check/1", asks.CheckAsk, check),
        Offer("size", "The largest size of a position within limits",
              "seawall.size/1", asks.SizeAsk, size),
        Offer("stop", "Where to put a stop, how likely it fires, and what comes first",
              "seawall.stop/1", asks.StopAsk, stop),
        Offer("rescue", "The cheapest way back from a margin call",
              "seawall.rescue/1", asks.RescueAsk, rescue),
        Offer("allocate", "Weights over large caps, mid caps and stablecoins",
              "seawall.allocate/1", asks.AllocateAsk, allocate),
    )  # fmt: skip


def check(ask: asks.CheckAsk, place: Place, say: Say) -> Report:
    """``seawall check`` of a book on the shelf."""
    volatility = options.fractions(ask.sigma, "--sigma")
    rates = options.changes(ask.funding, "--funding")
    depths = options.amounts(ask.depth, "--depth")
    of_odds = {"--call-ratio": ask.call_ratio, "--funding": ask.funding or None,
               "--depth": ask.depth or None, "--paths": ask.paths,
               "--seed": ask.seed}  # fmt: skip
    candles, store = _prices(ask, place)
    tape, marked = sources_of(store, candles)
    options.only_with_prices(of_odds, candles or tape)
    margin = place.shelf.margin(ask.book)
    names = margin.book.assets
    _check_work(ask.paths or 0, len(margin.book), _WALKS)
    given = options.of_book(depths, names, "--depth")
    if candles or tape:
        margin, given = _with_depth(margin, given, marked)
    say("checking")
    with _named(candles or store):
        return api.check(
            margin,
            target_ratio=ask.target_ratio,
            volatility=options.of_book(volatility, names, "--sigma"),
            market=None if ask.market is None else place.shelf.margin(ask.market),
            candles=candles,
            store=tape,
            odds_needed=candles is not None or any(v is not None for v in of_odds.values()),
            call_ratio=0.8 if ask.call_ratio is None else ask.call_ratio,
            funding=options.of_book(rates, names, "--funding"),
            depth=given,
            paths=ask.paths,
            seed=ask.seed or 0,
            progress=say,
        )


def size(ask: asks.SizeAsk, place: Place, say: Say) -> Report:
    """``seawall size`` of a row of a book on the shelf, or of a position that is not there yet."""
    from seawall.app.desk_size import edge_of, new_of
    from seawall.app.desk_size import size as sized
    from seawall.desk.size_limits import Wanted
    from seawall.report.subject import warned

    worth = edge_of(ask.edge, ask.edge_error, ask.kelly_fraction)
    depths = options.amounts(ask.depth, "--depth")
    rates = options.changes(ask.funding, "--funding")
    options.within(ask.thinning, "--thinning", 1e6)
    options.within(ask.impact_exponent, "--impact-exponent", 3.0)
    book = None if ask.instrument else ask.book
    new = new_of(book, ask.instrument, ask.equity, ask.venue, ask.side, ask.entry, ask.isolated)
    chance = options.share(ask.probability, "--probability")
    limits = Wanted(
        probability=chance,
        horizon=_ahead(ask.horizon, max(ask.paths, _paths_of(chance))),
        shortfall=options.share(ask.budget, "--budget"),
        cost=options.share(ask.cost, "--cost"),
        leverage=options.within(ask.most_leverage, "--most-leverage"),
        volatility=None if ask.target is None else options.share(ask.target, "--target"),
    )
    candles, store = _prices(ask, place, needed=True)
    past, marked = sources_of(store, candles)
    of: NewPosition | MarginBook = new or place.shelf.margin(ask.book)
    names = (new.listed().asset,) if new is not None else place.shelf.margin(ask.book).book.assets
    usd, said = depth_of(names, options.of_book(depths, names, "--depth"), marked, None)
    with _named(candles or store):
        made = sized(
            of,
            ask.row,
            candles=candles,
            store=past,
            wanted=limits,
            edge=worth,
            band=None if ask.band is None else options.share(ask.band, "--band"),
            depth=usd,
            thinning=ask.thinning,
            impact_exponent=ask.impact_exponent,
            funding=options.of_book(rates, names, "--funding"),
            paths=ask.paths,
            seed=ask.seed,
            progress=say,
        )
    return warned(made, *([said] if said else ()))


def stop(ask: asks.StopAsk, place: Place, say: Say) -> Report:
    """``seawall stop`` of a row of a book on the shelf."""
    from seawall.app.desk_stop import stop as placed

    depths = options.amounts(ask.depth, "--depth")
    rates = options.changes(ask.funding, "--funding")
    options.within(ask.thinning, "--thinning", 1e6)
    options.within(ask.impact_exponent, "--impact-exponent", 3.0)
    at = options.optional_amount(ask.stop, "--stop")
    extra = options.change(ask.margin, "--margin")
    candles, store = _prices(ask, place, needed=True)
    past, marked = sources_of(store, candles)
    margin = place.shelf.margin(ask.book)
    names = margin.book.assets
    given = options.of_book(depths, names, "--depth")
    margin, usd = _with_depth(margin, given, marked)
    with _named(candles or store):
        return placed(
            margin,
            ask.row,
            candles=candles,
            store=past,
            at=at,
            sigmas=ask.sigmas,
            trigger=ask.trigger,
            extra=extra,
            delay=ask.delay,
            market=None if ask.market is None else place.shelf.margin(ask.market),
            tape=_store(place) if ask.tape else None,
            depth=usd,
            thinning=ask.thinning,
            impact_exponent=ask.impact_exponent,
            funding=options.of_book(rates, names, "--funding"),
            paths=ask.paths,
            seed=ask.seed,
            progress=say,
        )


def rescue(ask: asks.RescueAsk, place: Place, say: Say) -> Report:
    """``seawall rescue`` of a book on the shelf."""
    from seawall.app.desk_rescue import rescue as ways_back

    amounts = options.amounts(ask.depth, "--depth")
    spare = 0.0 if ask.cash is None else options.fund_amount(ask.cash, "--cash")
    options.within(ask.thinning, "--thinning", 1e6)
    options.within(ask.impact_exponent, "--impact-exponent", 3.0)
    survive = 0.0 if ask.survive is None else options.share(ask.survive, "--survive")
    margin = place.shelf.margin(ask.book)
    say("looking for ways back")
    return ways_back(
        margin,
        target_ratio=ask.target_ratio,
        survive=survive,
        accounts=ask.account,
        depth=options.of_book(amounts, margin.book.assets, "--depth"),
        thinning=ask.thinning,
        impact_exponent=ask.impact_exponent,
        cash=spare,
    )


def allocate(ask: asks.AllocateAsk, place: Place, say: Say) -> Report:
    """``seawall allocate`` of a file of candles."""
    from seawall.app.desk_allocate import allocate as spread
    from seawall.app.desk_allocate import request_of

    given = ask.model_dump(exclude={"candles", "asset", "until"})
    request = request_of(**given)
    candles = _file(ask.candles, place)
    with _named(candles):
        return spread(candles, request, assets=ask.asset or None, until=ask.until, progress=say)


def _prices(
    ask: asks.PricedAsk, place: Place, needed: bool = False
) -> tuple[Sent | None, Path | None]:
    """Candles and store that a question names; one of the two where they are needed."""
    if (ask.candles is not None and ask.store) or (needed and not (ask.candles or ask.store)):
        raise InputError(Mistake(
            "one source of prices is needed", "--candles",
            allowed="the key of a file of /candles, or store=true with a tape",
        ))  # fmt: skip
    candles = None if ask.candles is None else _file(ask.candles, place)
    return candles, _store(place) if ask.store else None


def _file(key: str, place: Place) -> Sent:
    if place.sheets is None:
        raise RefusedError(404, Mistake("this server takes no candles", "candles"))
    return place.sheets.file(key)


def _store(place: Place) -> Path:
    if place.store is None:
        raise RefusedError(404, Mistake("this server shows no store", "store",
                                   mend="Start it with --store DIR"))  # fmt: skip
    return place.store


def _with_depth(
    margin: MarginBook, given: dict[str, float], store: Path | None
) -> tuple[MarginBook, dict[str, float]]:
    """Depth that is stored, and a book that says so."""
    from dataclasses import replace

    usd, note = depth_of(margin.book.assets, given, store, None)
    if not note:
        return margin, usd
    return api.bound(replace(margin.book, notes=(*margin.book.notes, note))), usd


def _paths_of(probability: float) -> int:
    """Paths that a probability needs, no more than one question may have."""
    from seawall.desk.size import least_paths

    needed = least_paths(probability) if probability > 0.0 else 0
    if needed > asks.MOST_PATHS:
        allowed = f"{10 / asks.MOST_PATHS:.2g} or more here; less with the command line"
        raise InputError(
            Mistake("too rare", "--probability", value=f"{probability:.4g}", allowed=allowed)
        )
    return needed


def _ahead(text: str, paths: int) -> float:
    seconds = options.seconds(text, "--horizon")
    if seconds > LONGEST:
        allowed = f"at most {LONGEST / 86_400:g}d here; more with the command line"
        raise InputError(Mistake("too far ahead", "--horizon", value=text, allowed=allowed))
    _check_work(paths, int(seconds / 3_600), _STEPS)
    return seconds


def _check_work(paths: int, times: int, most: int) -> None:
    if paths * times > most:
        allowed = f"{max(500, most // max(1, times)):,} of this"
        raise InputError(Mistake("too many", "--paths", value=f"{paths:,}", allowed=allowed))


@contextmanager
def _named(prices: Sent | Path | None) -> Iterator[None]:
    """What is wrong with prices is told by the sender's or the folder's name, never by a path."""
    try:
        yield
    except InputError as error:
        if prices is None:
            raise
        where = prices if isinstance(prices, Path) else prices.path
        raise renamed(error, where, prices.name) from None
