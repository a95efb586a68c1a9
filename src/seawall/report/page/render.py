"""The whole page: answer, figures, what they rest on; one string, then one file."""

from __future__ import annotations

import base64
import hashlib
import os
from functools import cache
from importlib.resources import files
from itertools import count
from pathlib import Path

from seawall import __version__
from seawall.report import numbers
from seawall.report.files import write_whole
from seawall.report.model import Headline, Kind, Report
from seawall.report.page.figures import chart_numbers, figures_markup, replay_numbers
from seawall.report.page.markup import anchor, escaped, filled, prose, script_json

_SCRIPTS = ("format", "scale", "plot", "bars", "table", "figure", "replay", "start")
_KINDS = {
    Kind.MEASURED: "read off the input, or computed from it by rule alone",
    Kind.MODELLED: "rests on a model, so on the assumptions below",
    Kind.IMPORTED: "all that imported files held; whether they held all is not known",
    Kind.UNKNOWN: "nothing was recorded or imported that could tell",
    Kind.AS_SHOWN: "of the events shown alone; those not shown may move it either way",
    Kind.LOWER_BOUND: "what could be seen; the truth is at least this",
}

_WARNINGS_OPEN = 4
"""Warnings that stand open on the page; the rest unfold."""


def write_html(report: Report, path: str | os.PathLike[str]) -> Path:
    """Write a report as one HTML file, whole or not at all.

    Returns
    -------
    Path
        The absolute path written.

    Raises
    ------
    InputError
        If the folder does not exist or may not be written to.
    """
    return write_whole(path, render_html(report))


def render_html(report: Report) -> str:
    """A report as one HTML page: style, script and numbers inline, no address in it.

    The same report gives the same bytes. A content security policy admits the page's own script
    and style by their digests and nothing else, so a hostile label could not run or load.
    """
    template, style, script = _assets()
    sections, contents = _sections(report)
    slots = {
        "policy": _policy(style, script),
        "generator": f"Seawall {__version__}",
        "title": escaped(report.title),
        "style": style,
        "contents": "".join(f'<li><a href="#{a}">{escaped(t)}</a></li>' for a, t in contents),
        "answer": _answer(report),
        "sections": sections,
        "ground": _ground(report),
        "schema": escaped(report.schema),
        "charts": script_json(
            [*map(chart_numbers, report.charts), *map(replay_numbers, report.replays)]
        ),
        "script": script,
    }
    return filled(template, slots)


@cache
def _assets() -> tuple[str, str, str]:
    folder = files("seawall.report.page")
    parts = [(folder / f"{name}.js").read_text("utf-8") for name in _SCRIPTS]
    script = '(() => {\n"use strict";\n' + "\n".join(parts) + "})();"
    template, style = ((folder / name).read_text("utf-8") for name in ("page.html", "page.css"))
    return template, style, script


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _digest(inline: str) -> str:
    sha = hashlib.sha256(inline.encode()).digest()
    return f"'sha256-{base64.b64encode(sha).decode()}'"


def _answer(report: Report) -> str:
    parts = []
    if report.question:
        parts.append(f'<p class="lead">{prose(report.question)}</p>')
    if report.answer:
        sentences = "".join(f"<p>{prose(s)}</p>" for s in report.answer)
        parts.append(f'<div class="sentences">{sentences}</div>')
    if report.headlines:
        tiles = "".join(_tile(h) for h in report.headlines)
        parts.append(f'<dl class="tiles">{tiles}</dl>{_kinds(report)}')
    if report.warnings:
        items = [f"<li>{prose(w)}</li>" for w in report.warnings]
        shown, more = items[:_WARNINGS_OPEN], items[_WARNINGS_OPEN:]
        rest = (
            f"<details><summary>{len(more)} more</summary><ul>{''.join(more)}</ul></details>"
            if more
            else ""
        )
        parts.append(
            '<aside class="warnings"><h2>Before using this</h2>'
            f"<ul>{''.join(shown)}</ul>{rest}</aside>"
        )
    return "".join(parts)


def _tile(figure: Headline) -> str:
    spread = numbers.interval(figure.low, figure.high, figure.unit)
    small = [f"<small>{prose(part)}</small>" for part in (spread, figure.note) if part]
    return (
        f'<div class="tile"><dt>{escaped(figure.label)}</dt>'
        f'<dd class="figure">{prose(numbers.text(figure.value, figure.unit))}</dd>'
        f"<dd>{''.join(small)}</dd>"
        f'<dd class="kind"><small>{escaped(figure.kind)}</small></dd></div>'
    )


def _kinds(report: Report) -> str:
    """What the labels on the tiles mean, for those that occur."""
    present = {h.kind for h in report.headlines}
    words = "; ".join(f"<b>{k}</b>: {why}" for k, why in _KINDS.items() if k in present)
    return f'<p class="kinds">{words}.</p>'


def _sections(report: Report) -> tuple[str, list[tuple[str, str]]]:
    """Sections as HTML, and their anchors with titles for the contents."""
    blocks = []
    contents = [("answer", "Answer")]
    numbered = count(1)
    for section, figures in report.layout():
        name = f"{anchor(section.title)}-{next(numbered)}"
        contents.append((name, section.title))
        text = f'<p class="lead">{prose(section.text)}</p>' if section.text else ""
        inner = figures_markup(figures, section.title)
        blocks.append(
            f'<section id="{name}"><h2>{escaped(section.title)}</h2>{text}'
            f'<div class="figures">{inner}</div></section>'
        )
    if report.assumptions:
        contents.append(("assumptions", "Assumptions"))
    if report.inputs:
        contents.append(("inputs", "Inputs"))
    return "\n".join(blocks), contents


def _ground(report: Report) -> str:
    parts = []
    if report.assumptions:
        items = "".join(
            f"<li>{prose(a.text)}"
            + (f" <cite>{escaped(a.source)}</cite>" if a.source else "")
            + "</li>"
            for a in report.assumptions
        )
        parts.append(
            '<section id="assumptions"><h2>Assumptions</h2>'
            f'<div class="ground"><ol>{items}</ol></div></section>'
        )
    if report.inputs:
        pairs = "".join(
            f"<dt>{escaped(label)}</dt><dd>{escaped(numbers.plain_words(value))}</dd>"
            for label, value in report.inputs.items()
        )
        parts.append(
            '<section id="inputs"><h2>Inputs</h2>'
            f'<div class="ground"><dl class="inputs">{pairs}</dl></div></section>'
        )
    return "".join(parts)
