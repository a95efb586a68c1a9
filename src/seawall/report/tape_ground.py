"""What a tape's report rests on, and what its reader must know: each said only where it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seawall.report.model import Assumption
from seawall.report.tape_beside import Beside, outage_lines
from seawall.risk.coverage import Label
from seawall.risk.share_bounds import ShareLabel
from seawall.risk.tape_shares import Group
from seawall.risk.tape_statistics import Statistics
from seawall.risk.together import Together

METHOD = "docs/methods/coverage.md"
STORE_METHOD = "docs/methods/tape-store.md"
_PATIENT = {"htx": "HTX six", "gate": "Gate's coin contracts 24"}
"""Venues whose silence is taken for calm for more than an hour."""


def left_out(found: Statistics) -> tuple[str, ...]:
    """Venues beside whose events something is estimated that was not shown."""
    return tuple(v.venue for v in found.venues if v.estimate.value > v.notional_usd)


def assumptions(
    found: Statistics, groups: Sequence[Group], beside: Beside
) -> tuple[Assumption, ...]:
    """What the figures rest on."""
    rows = []
    if found.events or found.adl_events:
        rows = [
            Assumption(
                "Sides are those of the positions closed: an order that sells closes a long."
            ),
            Assumption(
                "What a venue took over counts as liquidated; deleveraged winners are counted "
                "apart and never added.",
                STORE_METHOD,
            ),
        ]
    if beside.live:
        rows.append(Assumption(_silence(beside.live), METHOD))
    estimated = left_out(found)
    if estimated:
        rows.append(
            Assumption(
                "Where one event a slot is published, a rate that wanders in time tells how many "
                "were not; several orders sent in one instant cannot be told from one there.",
                METHOD,
            )
        )
    fixed = sorted((set(estimated) & found.together.keys()) - set(found.pauses))
    if fixed:
        rows.append(
            Assumption(
                f"{', '.join(fixed)}: the slots of which one event each is published are taken to "
                "be fixed in time; nothing in when the events shown stand speaks against it.",
                METHOD,
            )
        )
    figures = [found.estimate, *(v.estimate for v in found.venues), *(g.estimate for g in groups)]
    has_upper = any(e.label is Label.MODELLED for e in figures)
    taken = {
        venue: how
        for venue, how in found.together.items()
        if venue in estimated and (has_upper or how.mean > 1.0)
    }
    rows += [Assumption(words, METHOD) for words in together_lines(taken)]
    return (*rows, *(Assumption(f"{v}: {words}") for v, words in beside.rules.items()))


def _silence(live: Sequence[str]) -> str:
    patient = [words for venue, words in _PATIENT.items() if venue in live]
    longer = f" ({', '.join(patient)})" if patient else ""
    return (
        "Of a live feed that answers pings and tells nothing, silence is not told from a stall: it "
        f"is taken for silence for an hour{longer}, once a day was heard for five times that day's "
        "longest if that is shorter, and for an outage since the last message once it is longer."
    )


def together_lines(told: Mapping[str, Together]) -> list[str]:
    """What is taken of orders in one instant, for each way of taking it."""
    venues: dict[Together, list[str]] = {}
    for venue, how in told.items():
        venues.setdefault(how, []).append(venue)
    return [f"{', '.join(sorted(names))}: {_taken(how)}" for how, names in venues.items()]


def _taken(how: Together) -> str:
    if not how.told_by:
        return (
            "no venue that shows all of its liquidations had enough of them to tell how many come "
            f"in one instant: upper ends allow for {how.most:g} in the mean, and are too low if "
            "more do."
        )
    those = ", ".join(how.told_by)
    if how.mean <= 1.0:
        return (
            f"on {those}, which show all, no more orders come in one instant than by chance; "
            f"upper ends allow for {how.most:.2f} times as many."
        )
    return (
        f"on {those}, which show all, {how.mean:.2f} times as many orders come as the slots would "
        f"tell, being sent together: taken to be so here; lower ends are without, upper ends with "
        f"{how.most:.2f} times."
    )


def warnings(found: Statistics, beside: Beside) -> tuple[str, ...]:
    """What the reader must know before using the figures."""
    floors = [v.venue for v in found.venues if v.estimate.label is Label.LOWER_BOUND]
    lines = list(beside.notes) + outage_lines(beside.outages)
    if beside.imported:
        lines.append(
            f"{', '.join(beside.imported)} as imported: what the files hold; whether that is all "
            "that the venues showed cannot be told."
        )
    if found.unruled:
        lines.append(
            f"{', '.join(found.unruled)} show more events in a slot than the feed's rule allows, "
            "or fewer close together than its slots put there: they came another way, and nothing "
            "is estimated of what they leave out."
        )
    if found.pauses:
        lines.append(
            f"{', '.join(found.pauses)} show events that are never closer than a slot, as they "
            "often are in slots that are fixed in time: estimated as a counter that pauses for a "
            "slot after each event it shows."
        )
    if found.volleys:
        lines.append(
            f"{', '.join(found.volleys)} show events so close together at the ends of slots that "
            "several must stand in an instant: more is left out than the slots can tell."
        )
    if floors:
        lines.append(f"Of {', '.join(floors)} only a part can be seen: {_which_ends(found)}")
    return tuple(lines)


def _which_ends(found: Statistics) -> str:
    """Which ends of shares hold where venues are only known from below."""
    # of one venue alone, which holds all, a share tells nothing
    told = {v.share_label for v in found.venues if v.share.low < 1.0}
    lines = ["figures are at least what is said."]
    if ShareLabel.LOWER_BOUND in told:
        lines.append("Its share is at least the lower end printed.")
    if ShareLabel.UPPER_BOUND in told:
        lines.append("Shares of the other venues are at most the upper end printed.")
    if ShareLabel.UNBOUNDED in told:
        lines.append("Of the shares of venues that show a part neither end can be told.")
    return " ".join(lines)
