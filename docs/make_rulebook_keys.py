"""Write docs/methods/rulebook-keys.md: every key of a rulebook, from the models that check them.

Run it from the project's folder with ``python docs/make_rulebook_keys.py`` after a key has been
added or changed; a test compares the page with the models.
"""

from __future__ import annotations

import ast
import inspect
import math
import sys
import types
from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from seawall.rulebook import _models as models
from seawall.rulebook._feed_model import FeedModel

PAGE = Path(__file__).parent / "methods" / "rulebook-keys.md"

HEAD = """\
# Every key of a rulebook

This page is written from the models that check a venue's files, by `docs/make_rulebook_keys.py`.
It says what may stand in a file, not which rule is chosen on a day, nor what the venues' rules are:
see [Rulebooks](rulebooks.md), which also has
[a small venue in full](rulebooks.md#a-small-venue-in-full).

An unknown key is an error; all mistakes of a folder are told at once. A key without a default must
be given. Rates are fractions, dates `YYYY-MM-DD`, and a limit that is left out is none. Blocks in
double brackets may stand any number of times, in one file or in several of the folder.
"""

SECTIONS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("A file", models.RuleFile),
    ("`[venue]`", models.VenueModel),
    ("`[[contracts]]`", models.ContractsModel),
    ("`[[rules]]`", models.RulesModel),
    ("`[rules.margin]`", models.MarginModel),
    ("`[rules.liquidation]`", models.LiquidationModel),
    ("`[rules.loss]`", models.LossModel),
    ("`[rules.funding]`", models.FundingModel),
    ("`[rules.mark_price]`", models.MarkPriceModel),
    ("`[[brackets]]`", models.BracketsModel),
    ("`[brackets.instruments.SYMBOL]`", models.TableModel),
    ("`[brackets.any]`", models.AnyModel),
    ("`[brackets.instruments.SYMBOL.tail]`, `[brackets.any.tail]`", models.TailModel),
    ("`[[feed]]`", FeedModel),
)


def page() -> str:
    """The page as the models have it."""
    parts = [HEAD]
    for title, model in SECTIONS:
        parts += [f"\n## {title}\n\n{_one_line(model.__doc__)}\n"]
        parts += [
            "\n| key | allowed | default | what it says |\n|---|---|---|---|\n",
            *_rows(model),
        ]
    parts.append(
        "\n## Values\n\nWords that the keys above take, where they say more than their name.\n"
    )
    for key, kind in _kinds().items():
        told = _texts(kind)
        if told:
            parts.append(f"\n`{key}`: {_one_line(kind.__doc__)}\n\n")
            parts += [f"- `{v.value}`: {told[v.name]}\n" for v in kind if v.name in told]
    return "".join(parts)


def _rows(model: type[BaseModel]) -> Iterator[str]:
    texts = _texts(model)
    for key, stated in model.model_fields.items():
        yield f"| `{key}` | {_allowed(stated)} | {_default(stated)} | {texts[key]} |\n"


def _kinds() -> dict[str, type[StrEnum]]:
    """Keys that take one of a few words with a meaning of their own."""
    return {
        key: stated.annotation
        for _, model in SECTIONS
        for key, stated in model.model_fields.items()
        if isinstance(stated.annotation, type) and issubclass(stated.annotation, StrEnum)
    }


@cache
def _texts(cls: type) -> dict[str, str]:
    """The text below each key of a class, and of those it is derived from."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if not base.__module__.startswith("seawall."):
            continue
        body = ast.parse(inspect.getsource(base)).body[0]
        assert isinstance(body, ast.ClassDef)
        for before, after in zip(body.body, body.body[1:], strict=False):
            target = _target(before)
            if target and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                found[target] = _one_line(str(after.value.value))
    return found


def _target(line: ast.stmt) -> str:
    named = line.target if isinstance(line, ast.AnnAssign) else None
    if isinstance(line, ast.Assign):
        named = line.targets[0] if isinstance(line.targets[0], ast.Name) else None
    return named.id if isinstance(named, ast.Name) else ""


def _allowed(stated: FieldInfo) -> str:
    bounds = _bounds(stated.metadata)
    return _words(stated.annotation) + (f", {bounds}" if bounds else "")


def _words(kind: Any) -> str:
    """A type as a reader of TOML knows it."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        if inner[0] is list or get_origin(inner[0]) is list:
            return "list of numbers" if get_args(inner[0]) == (float,) else _words(inner[0])
        bounds = _bounds(_flat(inner[1:]))
        return _words(inner[0]) + (f", {bounds}" if bounds else "")
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in inner if value)
    if origin in (Union, types.UnionType):
        return " or ".join(_words(k) for k in inner if k is not type(None))
    if origin is list:
        if isinstance(inner[0], type) and issubclass(inner[0], BaseModel):
            return "blocks"
        return "list of " + {"text": "texts", "list of numbers": "rows"}.get(
            _words(inner[0]), _words(inner[0])
        )
    if origin is dict:
        return f"table: name = {_words(inner[1])}"
    if issubclass(kind, StrEnum):
        return ", ".join(f"`{v.value}`" for v in kind)
    if issubclass(kind, BaseModel):
        return "table"
    return {bool: "true, false", int: "whole number", float: "number", date: "date", str: "text"}[
        kind
    ]


def _flat(metadata: Any) -> list[Any]:
    return [part for m in metadata for part in getattr(m, "metadata", None) or [m]]


def _bounds(metadata: Any) -> str:
    """Least and greatest value; lengths are said by the other words."""
    signs = (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"))
    found = []
    for part in metadata:
        found += [f"{sign} {getattr(part, k):g}" for k, sign in signs if hasattr(part, k)]
    return ", ".join(found)


def _default(stated: FieldInfo) -> str:
    value = stated.default
    if stated.is_required():
        return "**required**"
    if value is None or value in ([], {}, "") or value == math.inf:
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value.value}`" if isinstance(value, StrEnum) else f"`{value}`"


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split()).replace("``", "`").replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
