"""Errors, by whose mistake it is.

Every message says what is wrong, the value received, what is allowed, where it stands and how
to mend it. A broken invariant of Seawall's own is an :class:`InternalError` and says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class SeawallError(Exception):
    """Base of every error that Seawall raises on purpose."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in an input, precise enough to be mended without reading the code.

    Parameters
    ----------
    what
        What is wrong, in a few words.
    where
        File, section or argument it was found in.
    row
        Row number, counted from 1 at the first row of values; None where rows do not apply.
    column
        Column or key; None where it does not apply.
    value
        The value received, as text; None where nothing was received.
    allowed
        What would have been accepted.
    mend
        What to do about it; may be empty.
    """

    what: str
    where: str = ""
    row: int | None = None
    column: str | None = None
    value: str | None = None
    allowed: str = ""
    mend: str = ""

    def __str__(self) -> str:
        place = self.where
        if self.row is not None:
            place += f", row {self.row}" if place else f"row {self.row}"
        if self.column is not None:
            place += f", column {self.column}" if place else f"column {self.column}"
        text = f"{place}: {self.what}" if place else self.what
        if self.value is not None:
            shown = self.value if len(self.value) <= 200 else self.value[:197] + "..."
            text += f" (got {shown!r})"
        if self.allowed:
            text += f"; allowed: {self.allowed}"
        if self.mend:
            text += f". {self.mend}"
        return text


class InputError(SeawallError):
    """The input is wrong: all its mistakes at once, up to a limit.

    Attributes
    ----------
    mistakes
        The mistakes that are shown.
    total
        How many there are in all; may exceed ``len(mistakes)``.
    """

    exit_code = 2

    def __init__(self, mistakes: Iterable[Mistake] | Mistake | str, total: int | None = None):
        if isinstance(mistakes, str):
            mistakes = [Mistake(mistakes)]
        elif isinstance(mistakes, Mistake):
            mistakes = [mistakes]
        self.mistakes = tuple(mistakes)
        self.total = len(self.mistakes) if total is None else total
        super().__init__(str(self))

    def __str__(self) -> str:
        lines = [str(m) for m in self.mistakes]
        hidden = self.total - len(self.mistakes)
        if hidden > 0:
            lines.append(f"... and {hidden} more of the same input")
        return "\n".join(lines)


class NoPositionsError(InputError):
    """The input is sound and holds no position: nothing to check, and in a watch all closed."""


class RuleError(InputError):
    """What was asked of the rules is not known or does not fit: a venue, a name, a bracket."""


class RulebookError(InputError):
    """A venue's folder of rules is at fault, whatever was asked of it.

    No :class:`RuleError`: who looks a name up and takes a refusal for a name that is not known
    must not take a faulty folder for one.
    """


class InternalError(SeawallError):
    """An invariant of Seawall itself is broken: the mistake is ours."""

    exit_code = 70

    def __init__(self, message: str):
        super().__init__(f"internal error, please report it: {message}")
