"""Help without the names of types: what is to be given stands in its name and its words."""

from __future__ import annotations

from typing import Any

from typer.core import TyperArgument, TyperGroup, TyperOption

_NUMBERS = {"int": "N", "int range": "N", "float": "X", "float range": "X"}


class PlainGroup(TyperGroup):
    """A group whose commands print arguments by name alone, and options by what they take."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a name."""
        found = super().get_command(ctx, cmd_name)
        for parameter in found.params if found is not None else ():
            if isinstance(parameter, TyperArgument):
                # it is asked by the printers of help, with colours and without
                vars(parameter)["display_type"] = _nothing
                vars(parameter)["display_type_rich"] = _nothing
            elif isinstance(parameter, TyperOption) and parameter.metavar is None:
                said = _taken_by(parameter, ctx)
                vars(parameter)["display_type_rich"] = lambda said=said, **_: said
        return found


def _taken_by(option: TyperOption, ctx: Any) -> str:
    """``N`` for a count, ``X`` for a number, its choices, else its last word: ``VENUE``."""
    kind = option.display_type(ctx).strip("<>")
    if "|" in kind:
        return f"<{kind}>"
    name = max(option.opts, key=len).lstrip("-")
    return _NUMBERS.get(kind, name.rpartition("-")[2].upper())


def _nothing(*_: Any, **__: Any) -> str:
    return ""
