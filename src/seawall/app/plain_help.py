"""Help without the names of types: what an argument is stands in its name and its words."""

from __future__ import annotations

from typing import Any

from typer.core import TyperArgument, TyperGroup


class PlainGroup(TyperGroup):
    """A group whose commands print their arguments by name alone."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a name."""
        found = super().get_command(ctx, cmd_name)
        for parameter in found.params if found is not None else ():
            if isinstance(parameter, TyperArgument):
                # it is asked by the printers of help, with colours and without
                vars(parameter)["display_type"] = _nothing
                vars(parameter)["display_type_rich"] = _nothing
        return found


def _nothing(*_: Any, **__: Any) -> str:
    return ""
