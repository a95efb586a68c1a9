"""What a watch tells, in words and as JSON lines."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from seawall.desk.rescue import Goal
from seawall.desk.watch.levels import Level
from seawall.desk.watch.notices import (
    Cut,
    FeedTold,
    Notice,
    SourceTold,
    StopTold,
    Warned,
)
from seawall.report.model import Unit
from seawall.report.numbers import counted, from_mark, short, text

SCHEMA = "seawall.watch/1"
_MOST_LINES = 200
"""Lines of one message; more accounts than that are counted."""
_ABOUT = {
    "book": ("The book cannot be read", "The book is read again"),
    "accounts": ("Accounts in danger left the book", "Other accounts in the book"),
    "mark": ("A mark is in doubt", "A mark was not confirmed"),
    "stops": ("Stops could not be seen to", "Stops are seen to"),
}
"""Titles of what is told of the book, of an alarm and of anything else."""


def title_of(notices: Sequence[Notice]) -> str:
    """One line for several notices, the gravest first: ``Margin call: ann on Bybit at 86.00%``."""
    first = _title(notices[0])
    more = len(notices) - 1
    return f"{first}, and {more} more" if more else first


def body_of(notices: Sequence[Notice]) -> str:
    """A line for each notice, of accounts with what to do."""
    lines = [sentence(n) for n in notices[:_MOST_LINES]]
    if len(notices) > _MOST_LINES:
        lines.append(f"... and {counted(len(notices) - _MOST_LINES, 'more account')}")
    return "\n".join(lines)


def is_grave(notices: Sequence[Notice]) -> bool:
    """Whether any is a warning rather than an all-clear."""
    return any(
        (isinstance(n, Warned) and n.worse)
        or (isinstance(n, FeedTold) and not n.alive)
        or (isinstance(n, StopTold) and n.outcome in ("refused", "unsure"))
        or (isinstance(n, SourceTold) and n.bad)
        for n in notices
    )


def _title(notice: Notice) -> str:
    if isinstance(notice, Warned):
        level = notice.level.words if notice.worse else _eased(notice)
        return f"{level.capitalize()}: {_who(notice)} at {_ratio(notice.ratio)}"
    if isinstance(notice, FeedTold):
        if notice.ended:
            return "The watch ends"
        return "Marks are back" if notice.alive else "No marks: the feed is dead"
    if isinstance(notice, StopTold):
        return f"Stop {notice.outcome}: {notice.instrument}"
    return _ABOUT[notice.about][not notice.bad]


def sentence(notice: Notice) -> str:
    """A notice in one line."""
    if isinstance(notice, Warned):
        return _warning(notice)
    if isinstance(notice, FeedTold):
        return _feed(notice)
    if isinstance(notice, StopTold):
        return _stop(notice)
    return notice.text


def _warning(w: Warned) -> str:
    if not w.worse:
        words = "calm" if w.level is Level.CALM else _eased(w)
        return f"{words}: {_who(w)}, margin ratio {_ratio(w.ratio)}"
    parts = [f"{w.level.words.upper()}: {_who(w)}, margin ratio {_ratio(w.ratio)}"]
    if math.isfinite(w.liquidation_price) and w.ratio < 1.0:
        parts.append(
            f"{w.instrument} {w.side} (row {w.row}) falls at "
            f"{text(w.liquidation_price, Unit.PRICE)}, {from_mark(w.distance)} of "
            f"{text(w.mark, Unit.PRICE)}"
        )
    elif w.ratio >= 1.0:
        parts.append("it is due for liquidation")
    # of a single linear position it is the same distance, and stands there already
    if 0.0 < w.move < math.inf and not abs(w.move - abs(w.distance)) < 1e-3 * w.move:
        parts.append(f"a move of {text(w.move, Unit.FRACTION)} of all prices fells it")
    back = f"Back to {_goal(w.goal)}: add {text(w.add_usd, Unit.USD)}"
    if w.cut is not None:
        back += f", or {_cut(w.cut)}"
    return "; ".join(parts) + f". {back}."


def _eased(w: Warned) -> str:
    if w.level is Level.CALM:
        return "calm again"
    return f"{w.level.words} only, no longer {w.before.words}"


def _goal(goal: Goal) -> str:
    ratio = f"a ratio of {text(goal.ratio, Unit.FRACTION)}"
    return f"{ratio} and to survive {text(goal.move, Unit.FRACTION)}" if goal.move else ratio


def _who(w: Warned) -> str:
    return f"{short(w.account, 40)} on {w.venue}"


def _ratio(ratio: float) -> str:
    return text(ratio, Unit.FRACTION) if math.isfinite(ratio) else "∞ (no equity)"


def _cut(cut: Cut) -> str:
    what = (
        f"the {short(cut.instrument, 30)} {cut.side} (row {cut.row})"
        if cut.row
        else "all positions"
    )
    words = (
        f"cut {text(cut.share, Unit.FRACTION)} of {what}, {text(cut.notional_usd, Unit.USD)}, at a "
        f"cost of {text(cut.cost_usd, Unit.USD)}"
    )
    if cut.put_back_usd > 0:
        words += f", and put back the {text(cut.put_back_usd, Unit.USD)} that it frees"
    return words


def _feed(f: FeedTold) -> str:
    names = ", ".join(f.instruments[:10])
    more = len(f.instruments) - 10
    names += f" and {more} more" if more > 0 else ""
    if f.alive:
        return f"marks are back: {names}"
    why = f" ({f.why})" if f.why else ""
    if f.ended:
        return (
            f"THE WATCH ENDS: no more marks of {names}{why}. Nothing is watched any more: look at "
            "the venue itself, and start the watch again."
        )
    return (
        f"FEED DEAD: no mark for {text(f.seconds, Unit.DURATION)} of {names}{why}. "
        "Nothing is watched there until marks are back: look at the venue itself."
    )


def _stop(s: StopTold) -> str:
    what = (
        f"{s.side} {text(s.amount, Unit.NUMBER)} contracts of {s.instrument} ({s.venue}) "
        f"for {short(s.account, 40)}, reduce-only, at a mark of {text(s.trigger, Unit.PRICE)}"
    )
    if s.outcome == "planned":
        return (
            f"stop, dry run: would {what}; liquidation at {text(s.liquidation_price, Unit.PRICE)}"
        )
    if s.outcome in ("placed", "stands"):
        where = text(s.liquidation_price, Unit.PRICE)
        return f"stop {s.outcome}: {what}; liquidation at {where}; {s.why}"
    if s.outcome == "unsure":
        return f"stop unsure: {what}: no answer; look whether it stands at the venue: {s.why}"
    return f"stop refused: {what}: {s.why}"


def json_line(notice: Notice, time: str) -> str:
    """A notice as one line of JSON; the kind of it stands under ``event``."""
    return json.dumps({"schema": SCHEMA, "time": time, **_fields(notice)}, ensure_ascii=False)


def _fields(notice: Notice) -> dict[str, Any]:
    if isinstance(notice, Warned):
        cut = notice.cut
        return {
            "event": "warning" if notice.worse else _better(notice),
            "account": notice.account,
            "venue": notice.venue,
            "level": notice.level.words,
            "before": notice.before.words,
            "margin_ratio": _finite(notice.ratio),
            "equity_usd": notice.equity_usd,
            "row": notice.row,
            "instrument": notice.instrument,
            "side": notice.side,
            "mark_price": notice.mark,
            "liquidation_price": _finite(notice.liquidation_price),
            "distance": _finite(notice.distance),
            "move_survived": _finite(notice.move),
            "target_ratio": notice.goal.ratio,
            "target_move": notice.goal.move,
            "add_usd": notice.add_usd,
            "cut": None
            if cut is None
            else {
                "row": cut.row or None,
                "share": cut.share,
                "notional_usd": cut.notional_usd,
                "cost_usd": cut.cost_usd,
                "put_back_usd": cut.put_back_usd,
            },
            "text": sentence(notice),
        }
    if isinstance(notice, FeedTold):
        return {
            "event": _event(notice),
            "instruments": list(notice.instruments),
            "seconds": notice.seconds,
            "text": sentence(notice),
        }
    if isinstance(notice, StopTold):
        return {
            "event": f"stop {notice.outcome}",
            "account": notice.account,
            "venue": notice.venue,
            "instrument": notice.instrument,
            "side": notice.side,
            "contracts": notice.amount,
            "trigger": _finite(notice.trigger),
            "liquidation_price": _finite(notice.liquidation_price),
            "text": sentence(notice),
        }
    return {"event": notice.about, "text": notice.text}


def _better(notice: Warned) -> str:
    return "eased" if notice.level else "calm"


def _event(notice: FeedTold) -> str:
    if notice.ended:
        return "watch ends"
    return "feed alive" if notice.alive else "feed dead"


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
