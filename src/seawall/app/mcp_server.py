"""What an assistant may ask: read-only tools over the Model Context Protocol."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import anyio.to_thread
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import Field, ValidationError

from seawall.app.progress import silent
from seawall.core import InputError, Mistake
from seawall.report.encode import plain
from seawall.room.problems import RefusedError

if TYPE_CHECKING:
    from seawall.report.model import Report
    from seawall.room.offers import Offer, Place

TOOLS = {"check": "check", "map": "map", "stress": "stress", "tape/stats": "tape_stats"}
"""Commands that become tools, and the tools' names."""
ROWS = 20
_MOST_ROWS = 500
_NOT_ASKED = ("book", "candles", "market")
"""What leads to files; a tool answers of the book that the server was started with."""
_INSTRUCTIONS = (
    "Seawall says where leveraged positions are liquidated, where liquidations cluster, how a "
    "shock cascades and who pays. All amounts are USD, all times UTC, all shares fractions. "
    "check, map and stress are asked of one book, tape_stats of a tape of recorded "
    "liquidations. Each answer begins with sentences ('answer') and what they rest on "
    "('assumptions', 'warnings'): pass those on with the numbers. Intervals are 5 to 95%. Lists "
    "are cut to 'rows'; 'left_out' says how much more there is. Nothing here trades or writes."
)


class _Tools(MCPServer):
    """Tools that refuse what they do not know: a misspelt argument is not to be left out."""

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Any = None) -> Any:
        for tool in await self.list_tools():
            known = tool.input_schema["properties"]
            strange = sorted(arguments.keys() - known.keys()) if tool.name == name else ()
            if strange:
                raise ToolError(_told([
                    Mistake("no such argument", name, value=a, allowed=", ".join(known))
                    for a in strange
                ]))  # fmt: skip
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            if isinstance(error.__cause__, ValidationError):
                raise ToolError(_told(_mistakes(name, error.__cause__))) from None
            raise


def server_of(offers: tuple[Offer, ...], place: Place) -> MCPServer:
    """A server of the tools, over a book and, if there is one, a tape."""
    from seawall import __version__

    made = _Tools(
        "seawall", title="Seawall", instructions=_INSTRUCTIONS, version=__version__,
        log_level="WARNING",
    )  # fmt: skip
    for offer in offers:
        # without a tape there is nothing to tell of one
        if offer.name in TOOLS and (place.store is not None or not offer.name.startswith("tape")):
            made.tool(
                TOOLS[offer.name],
                title=offer.title,
                description=f"{offer.title}. As `seawall {offer.name.replace('/', ' ')}`; answers "
                f"by the schema {offer.schema}.",
                annotations=ToolAnnotations(
                    read_only_hint=True, destructive_hint=False, idempotent_hint=True,
                    open_world_hint=False,
                ),
            )(_tool(offer, place))  # fmt: skip
    return made


def _tool(offer: Offer, place: Place) -> Callable[..., Any]:
    """A function with the command's own arguments, as its question names and describes them."""

    async def answer(rows: int = ROWS, **given: Any) -> dict[str, Any]:
        try:
            ask = offer.ask(**given)
            made = await anyio.to_thread.run_sync(lambda: offer.answer(ask, place, silent))
        except (InputError, RefusedError) as error:
            raise ToolError(_told(error.mistakes)) from None
        except ValidationError as error:
            raise ToolError(_told(_mistakes(TOOLS[offer.name], error))) from None
        return brief(made, rows)

    answer.__name__ = TOOLS[offer.name]
    parameters = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.is_required() else field.get_default(),
            annotation=Annotated[field.annotation, field],
        )
        for name, field in offer.ask.model_fields.items()
        if name not in _NOT_ASKED and (name != "store" or place.store is not None)
    ]
    rows = Field(ROWS, ge=0, le=_MOST_ROWS, description="Most rows of each list.")
    parameters.append(
        inspect.Parameter(
            "rows", inspect.Parameter.KEYWORD_ONLY, default=ROWS, annotation=Annotated[int, rows]
        )
    )
    answer.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        parameters, return_annotation=dict[str, Any]
    )
    answer.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": dict[str, Any]}
    return answer


def brief(report: Report, rows: int) -> dict[str, Any]:
    """A report as an assistant reads it: words first, long lists cut.

    Lists of rows keep their first ``rows``; lists of bare numbers that are longer, such as the
    bins of a map, are left out whole. ``left_out`` says of each how many are not here.
    """
    left_out: dict[str, int] = {}

    def cut(value: Any, where: str) -> Any:
        if isinstance(value, dict):
            return {k: cut(v, f"{where}.{k}" if where else k) for k, v in value.items()}
        if not isinstance(value, list):
            return value
        kept = value
        if len(value) > rows:
            kept = value[:rows] if isinstance(value[0], dict | list | str) else []
            left_out[where] = left_out.get(where, 0) + len(value) - len(kept)
        return [cut(v, where + "[]") for v in kept]

    said = {
        "schema": report.schema,
        "answer": list(report.answer),
        "warnings": list(report.warnings),
        "assumptions": [a.text for a in report.assumptions],
    }
    known = {k: v for k, v in cut(plain(dict(report.payload)), "").items() if k not in said}
    return {**said, **known, "left_out": left_out}


def _mistakes(tool: str, error: ValidationError) -> list[Mistake]:
    return [
        Mistake(
            d["msg"][:1].lower() + d["msg"][1:],
            tool,
            column=".".join(map(str, d["loc"])) or None,
            value=None if d["type"] == "missing" else str(d["input"])[:100],
        )
        for d in error.errors(include_url=False)
    ]


def _told(mistakes: tuple[Mistake, ...] | list[Mistake]) -> str:
    """All mistakes in words, with what is allowed and how to mend each."""
    return "; ".join(f"{m}. {m.mend}".rstrip(". ") for m in mistakes)
