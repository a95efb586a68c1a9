"""A reform is two sets of rules, and prints what it changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from itertools import combinations
from typing import Any

from pydantic import BaseModel

from seawall.core import Mistake, RuleError, VenueTerms
from seawall.rulebook.levers import Lever


def contradictions(levers: Mapping[str, Lever]) -> list[str]:
    """What in a set of levers cannot hold together, one sentence each, with the way to mend it."""
    found = []
    for (a, first), (b, second) in combinations(levers.items(), 2):
        why = first.contradicts(second) or second.contradicts(first)
        if why:
            found.append(f"{a} and {b}: {why}")
    return found


@dataclass(frozen=True, slots=True)
class Change:
    """One parameter that a reform changes; None for a value that is not there."""

    where: str
    before: object
    after: object

    def __str__(self) -> str:
        if self.before is None:
            return f"+ {self.where} = {_shown(self.after)}"
        if self.after is None:
            return f"- {self.where} = {_shown(self.before)}"
        return f"~ {self.where}: {_shown(self.before)} -> {_shown(self.after)}"


@dataclass(frozen=True, slots=True)
class Reform:
    """Rules as they are and as they would be.

    Attributes
    ----------
    base, changed
        Levers by name, before and after.
    base_terms, changed_terms
        Venues' terms by venue, before and after, where they are part of the reform.
    title
        What it is called.
    """

    base: Mapping[str, Lever] = field(default_factory=dict)
    changed: Mapping[str, Lever] = field(default_factory=dict)
    base_terms: Mapping[str, VenueTerms] = field(default_factory=dict)
    changed_terms: Mapping[str, VenueTerms] = field(default_factory=dict)
    title: str = ""

    def check(self) -> None:
        """Refuse a reform one of whose sides contradicts itself.

        Raises
        ------
        RuleError
            With every contradiction of both sides.
        """
        mistakes = [
            Mistake("levers contradict each other", side, value=why)
            for side, levers in (("base", self.base), ("reform", self.changed))
            for why in contradictions(levers)
        ]
        if mistakes:
            raise RuleError(mistakes)

    def diff(self) -> tuple[Change, ...]:
        """Every parameter that differs, levers first, each side in the order of names.

        A lever that one side does not have counts there as neutral: what differs from its
        defaults is listed as added or dropped.
        """
        changes: list[Change] = []
        for name in sorted({*self.base, *self.changed}):
            before, after = self.base.get(name), self.changed.get(name)
            changes += _compared(f"levers.{name}", _values(before), _values(after))
        for venue in sorted({*self.base_terms, *self.changed_terms}):
            old, now = self.base_terms.get(venue), self.changed_terms.get(venue)
            changes += _compared(f"terms.{venue}", dict(_leaves(old)), dict(_leaves(now)))
        return tuple(changes)

    def __str__(self) -> str:
        lines = [str(change) for change in self.diff()] or ["no change"]
        return "\n".join([self.title, *lines] if self.title else lines)


def _values(lever: Lever | None) -> dict[str, Any]:
    """Parameters that are not the defaults, nested ones by dotted names."""
    if lever is None:
        return {}
    standard = type(lever)()
    given = {
        name: getattr(lever, name)
        for name in type(lever).model_fields
        if getattr(lever, name) != getattr(standard, name)
    }
    return dict(_leaves(given))


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every plain value within nested records, with the way to it."""
    inner: list[tuple[str, object]]
    if value is None and not path:
        return
    if isinstance(value, BaseModel):
        inner = [(name, getattr(value, name)) for name in type(value).model_fields]
    elif is_dataclass(value) and not isinstance(value, type):
        inner = [(f.name, getattr(value, f.name)) for f in fields(value)]
    elif isinstance(value, Mapping):
        inner = [(str(key), item) for key, item in value.items()]
    elif isinstance(value, tuple) and any(isinstance(item, BaseModel) for item in value):
        inner = [(str(k + 1), item) for k, item in enumerate(value)]
    else:
        yield path, value
        return
    for name, item in inner:
        yield from _leaves(item, f"{path}.{name}" if path else name)


def _compared(where: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    for key in dict.fromkeys((*before, *after)):
        old, now = before.get(key), after.get(key)
        if old != now:
            yield Change(f"{where}.{key}", old, now)


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_shown, value)) + "]"
    return str(value)
