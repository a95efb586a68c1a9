"""What is wrong with a table besides its bounds: pydantic tells it only once all are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, SchemaValidator

_BOUNDS = ("gt", "ge", "lt", "le")
_NUMBERS = ("int", "float")
_OUT_OF_RANGE = ("greater_than", "less_than")

Read = Callable[[SchemaValidator, Any], object]


def every_error(
    model: type[BaseModel], error: ValidationError, given: Mapping[str, Any], read: Read
) -> list[ErrorDetails]:
    """What pydantic found, and how keys contradict each other where one is out of its range.

    A contradiction is told if it holds in the same words with the keys as they stand and with
    each at the bound that it breaks: else the bound says all.

    Parameters
    ----------
    model
        What the table was read as, strictly.
    error
        What came of it.
    given
        The table.
    read
        Has a validator read such a table.
    """
    found = error.errors()
    wrong = [e for e in found if e["type"].startswith(_OUT_OF_RANGE)]
    if not wrong:
        return found
    unbounded = _unbounded(model)
    told = {(e["loc"], e["msg"]) for e in found}
    stays = {(e["loc"], e["msg"]) for e in _refused(unbounded, _at_bounds(given, wrong), read)}
    hidden = _refused(unbounded, given, read)
    return found + [e for e in hidden if (e["loc"], e["msg"]) in stays - told]


def _refused(unbounded: SchemaValidator, table: Mapping[str, Any], read: Read) -> Any:
    """Contradictions of a table."""
    try:
        read(unbounded, table)
    except ValidationError as error:
        return [e for e in error.errors() if e["type"] == "value_error"]
    except (ArithmeticError, LookupError):
        # a comparison that makes sense within the bounds only: they are what is told
        return []
    return []


def _at_bounds(given: Mapping[str, Any], wrong: Iterable[ErrorDetails]) -> dict[str, Any]:
    """The table with every number that breaks a bound moved to it."""
    table = deepcopy(dict(given))
    for error in wrong:
        place: Any = table
        path: tuple[Any, ...] = error["loc"][:-1]
        for part in path:
            # the kind that pydantic puts into the path of a tagged table or a union is no key
            if isinstance(place, list) or (isinstance(place, dict) and part in place):
                place = place[part]
        key: Any = error["loc"][-1]
        if isinstance(place, list) or (isinstance(place, dict) and key in place):
            place[key] = next(v for k, v in error["ctx"].items() if k in _BOUNDS)
    return table


@cache
def _unbounded(model: type[BaseModel]) -> SchemaValidator:
    schema = _without_bounds(model.__pydantic_core_schema__)
    try:
        # or of a model within a model the validator is taken that is at hand, bounds and all
        return SchemaValidator(schema, _use_prebuilt=False)
    except TypeError:
        # a pydantic that always builds them anew does not know the word
        return SchemaValidator(schema)


def _without_bounds(schema: Any) -> Any:
    """A core schema in which numbers are unbounded, as deep as it goes."""
    if isinstance(schema, dict):
        number = schema.get("type") in _NUMBERS
        kept = {k: v for k, v in schema.items() if not (number and k in _BOUNDS)}
        return {k: _without_bounds(v) for k, v in kept.items()}
    return [_without_bounds(v) for v in schema] if isinstance(schema, list) else schema
