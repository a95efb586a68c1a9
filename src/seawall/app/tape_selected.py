"""Which of a store's venues and assets a selection on the command line names."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from seawall.core import InputError, Mistake, RuleError, format_time
from seawall.core.tape import Kind
from seawall.ingest.store.queries import ask, totals
from seawall.ingest.store.store import EVER, Store
from seawall.rulebook import Rules

Window = tuple[int, int]
Names = Callable[[str], set[str]]
_TOLD = 30


def selected(
    store: Store, window: Window, venues: str | None, assets: str | None
) -> tuple[list[str] | None, list[str] | None]:
    """Stored names of the venues and assets wanted; None for all.

    Parameters
    ----------
    venues, assets
        Names with commas between, as given; venues also by their aliases (``binance``).

    Raises
    ------
    InputError
        Naming what is stored, if a name is not stored, or no event is of all that is wanted.
    """
    if venues is None and assets is None and window == EVER:
        return None, None
    stored = _pairs(store, EVER)
    mistakes: list[Mistake] = []
    chosen = (
        _those(venues, "--venues", {v for v, _ in stored}, _venues_of, mistakes),
        _those(assets, "--assets", {a for _, a in stored}, lambda a: {a, a.upper()}, mistakes),
    )
    if mistakes:
        raise InputError(mistakes)
    for venue, asset in stored if window == EVER else _pairs(store, window):
        if (chosen[0] is None or venue in chosen[0]) and (chosen[1] is None or asset in chosen[1]):
            return chosen
    raise InputError(
        Mistake(
            "nothing is stored of this selection",
            str(store.folder),
            value=", ".join(x for x in (venues, assets) if x) or _words(window),
            allowed=f"venues {_listed({v for v, _ in stored})}; "
            f"assets {_listed({a for _, a in stored})}",
        )
    )


def _pairs(store: Store, window: Window) -> set[tuple[str, str]]:
    rows = ask(store, totals(window, ("venue", "asset"), tuple(Kind)))
    return {(row["venue"], row["asset"]) for row in rows}


def _those(
    text: str | None, option: str, stored: set[str], names_of: Names, mistakes: list[Mistake]
) -> list[str] | None:
    if text is None:
        return None
    wanted = [n.strip() for n in text.split(",") if n.strip()]
    if not wanted:
        mistakes.append(Mistake("names nothing", option, value=text, allowed=_listed(stored)))
    found = set()
    for name in wanted:
        mine = names_of(name) & stored
        found |= mine
        if not mine:
            mistakes.append(
                Mistake("nothing is stored of it", option, value=name, allowed=_listed(stored))
            )
    return sorted(found)


def _venues_of(name: str) -> set[str]:
    """A name as it stands, and the rulebooks that it is an alias of."""
    rules, found = Rules.bundled(), {name, name.casefold()}
    for kind in ("linear", "inverse"):
        try:
            found.add(rules.canonical_venue(name, kind))
        except RuleError:
            continue
    return found


def _listed(names: Iterable[str]) -> str:
    known = sorted(names)
    more = f" and {len(known) - _TOLD:,} more" if len(known) > _TOLD else ""
    return (", ".join(known[:_TOLD]) or "nothing is stored") + more


def _words(window: Window) -> str:
    ends = (None if t == e else format_time(t) for t, e in zip(window, EVER, strict=True))
    return " to ".join(x or "…" for x in ends)
