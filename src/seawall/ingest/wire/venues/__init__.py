"""A file a venue: the adapters, by the name of their rulebook."""

from __future__ import annotations

from collections.abc import Sequence

from seawall.core import InputError, Mistake, RuleError
from seawall.core.registry import registry
from seawall.ingest.wire.adapter import Adapter
from seawall.rulebook import Rules


def _made(name: str, kind: type[Adapter]) -> Adapter:
    wrong = sorted(getattr(kind, "__abstractmethods__", ()))
    wrong += [part for part in ("venue", "channel") if not hasattr(kind, part)]
    if wrong:
        where, missing = f"adapter {name}", ", ".join(wrong)
        raise InputError(Mistake("an adapter that is not whole", where, value=f"no {missing}"))
    if kind.venue != name:
        raise InputError(
            Mistake("another name than its file's", f"adapter {name}", value=kind.venue)
        )
    return kind()


ADAPTERS: dict[str, Adapter] = {
    name: _made(name, kind)
    for name, kind in registry(__name__, Adapter).items()  # type: ignore[type-abstract]
}
"""By the rulebook's name, which is that of the file; those of ``SEAWALL_PLUGINS`` among them."""
_SEVERAL = {"binance": ("binance_usdm", "binance_coinm")}
"""Names that stand for several rulebooks; elsewhere an alias means one."""


def names_of(venue: str, rules: Rules) -> tuple[str, ...]:
    """Rulebooks with a live feed that a venue's name or alias stands for.

    Raises
    ------
    InputError
        If the venue is unknown or publishes no liquidations live.
    """
    plain = venue.strip().casefold()
    if plain in _SEVERAL:
        return _SEVERAL[plain]
    allowed = ", ".join((*_SEVERAL, *ADAPTERS))
    try:
        name = rules.canonical_venue(venue)
    except RuleError:
        raise RuleError(
            Mistake("unknown venue", column="venues", value=venue, allowed=allowed)
        ) from None
    if name not in ADAPTERS:
        raise InputError(
            Mistake(
                "has no live feed of liquidations",
                column="venues",
                value=venue,
                allowed=allowed,
            )
        )
    return (name,)


def adapters_of(venues: Sequence[str], rules: Rules) -> list[Adapter]:
    """Adapters of the venues named, each once, in the order given; all if none is named."""
    names = [n for v in venues for n in names_of(v, rules)] or list(ADAPTERS)
    return [ADAPTERS[n] for n in dict.fromkeys(names)]
