"""The published advice, claim by claim, and what would decide on it.

Fixed before the runs but for the last claim: "Leverage amplifies the fall" was one claim of three
measures, and is three claims since only one of them moved.
"""

from __future__ import annotations

from seawall.lab.verdicts import Claim, Test


def _less(comparison: str, *measures: str, day: str = "") -> tuple[Test, ...]:
    return tuple(Test(comparison, m, -1, day) for m in measures)


def _both_days(safeguard: str, *measures: str) -> tuple[Test, ...]:
    """On the day as it was, and with depth thinned from the start."""
    return _less(safeguard, *measures, day="21 November") + _less(
        f"thin {safeguard}", *measures, day="thin day"
    )


def _more(comparison: str, *measures: str) -> tuple[Test, ...]:
    return tuple(Test(comparison, m, 1) for m in measures)


CLAIMS = (
    Claim(
        "Size positions by volatility: fewer are liquidated",
        _less("sized by volatility", "forced_usd", "accounts_forced"),
    ),
    Claim(
        "Size dynamically, cutting after a loss: fewer are liquidated",
        _less("cut after loss", "forced_usd", "accounts_forced"),
    ),
    Claim(
        "Diversify over coins: less is liquidated",
        why="every coin's outside path is the recorded one, so whether coins fall together is "
        "put in; the draw makes accounts with several coins fall with their first",
    ),
    Claim(
        "Set stops: fewer traders are liquidated",
        _less("stops", "forced_usd", "accounts_forced"),
    ),
    Claim(
        "Set stops: less is sold into the fall, by stops and liquidations together",
        _less("stops", "sold_usd", "peak_minute_usd", "drop.BTC"),
    ),
    Claim(
        "Stay at 1x to 3x: fewer are liquidated",
        _less("low leverage", "forced_usd", "accounts_forced"),
    ),
    Claim(
        "Stops on top of 1x to 3x: fewer are liquidated still",
        _less("low and stops - low", "forced_usd", "accounts_forced"),
    ),
    Claim(
        "Larger insurance funds protect traders",
        _both_days("fund", "accounts_forced", "adl_usd", "bad_debt_usd"),
    ),
    Claim(
        "Leverage caps (20x) contain a cascade",
        _both_days("cap 20", "forced_usd", "accounts_forced", "peak_minute_usd"),
    ),
    Claim(
        "Leverage caps (10x) contain a cascade",
        _less("cap 10", "forced_usd", "accounts_forced", "peak_minute_usd"),
    ),
    Claim(
        "Transparency of concentration contains a cascade: traders near clusters cut",
        _both_days("disclosure", "forced_usd", "accounts_forced"),
    ),
    Claim(
        "Transparency of concentration contains a cascade: others may hunt what is shown",
        _both_days("disclosure hunted", "forced_usd", "accounts_forced", "peak_minute_usd"),
    ),
    Claim(
        "A circuit breaker on each market contains a cascade",
        _both_days("breaker single", "forced_usd", "accounts_forced", "peak_minute_usd"),
    ),
    Claim(
        "A circuit breaker over all venues contains a cascade",
        _both_days("breaker together", "forced_usd", "accounts_forced", "peak_minute_usd"),
    ),
    Claim(
        "Breakers must be coordinated over venues",
        _less(
            "breaker together - single",
            "forced_usd",
            "accounts_forced",
            "gap.BTC",
            day="21 November",
        )
        + _less(
            "thin breaker together - single",
            "forced_usd",
            "accounts_forced",
            "gap.BTC",
            day="thin day",
        ),
    ),
    Claim(
        "The four safeguards together contain a cascade",
        _both_days("four", "forced_usd", "accounts_forced", "peak_minute_usd"),
    ),
    Claim(
        "One position of $47.87M, sold at once, sets off others",
        _more("sale htx", "forced_usd", "accounts_forced"),
    ),
    Claim(
        "Touching 95,000 sets off a short squeeze",
        _more("touch", "forced_short_usd", "accounts_forced"),
    ),
    Claim(
        "The cluster at 95,000 feeds the rise: prices swing more with it than without",
        _more("touch - touch empty", "volatility.BTC", "gap.BTC"),
    ),
    Claim("Leverage makes the fall of BTC deeper", _more("crisis - faint", "drop.BTC")),
    Claim(
        "Leverage makes the fall rougher: prices swing more with it than without",
        _more("crisis - faint", "volatility.BTC"),
    ),
    Claim(
        "Leverage liquidates more than the outside path alone would",
        _more("crisis - faint", "forced_usd"),
    ),
)
