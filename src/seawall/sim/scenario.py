"""Scenarios: what is simulated, read strictly from a TOML file.

See ``docs/methods/simulator.md`` for the format. A scenario is found by its name among those that
come with Seawall, or by its path. It may build on another one (``extends``), of which it then
states only what differs.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import SchemaValidator

from seawall.core import InputError, Mistake
from seawall.rulebook.levers import Lever, levers
from seawall.rulebook.losses import LossRule, loss_rules
from seawall.rulebook.plugin import Plugin
from seawall.sim._scenario_file import (
    key_path,
    laid_over,
    mistake_of,
    read_tables,
    where_said,
)
from seawall.sim._scenario_model import SPANS, BookPopulation, ScenarioModel, seconds_of
from seawall.sim.behaviours import Behaviour, behaviours
from seawall.sim.contradictions import every_error
from seawall.sim.shocks import Shock, shocks

SCENARIOS = Path(__file__).parent / "scenarios"
_WORDS = ("title", "question", "reading", "sources")


@dataclass(frozen=True, slots=True, eq=False)
class Scenario:
    """A scenario, checked by itself; :func:`seawall.sim.staging.stage` makes it ready to run.

    Attributes
    ----------
    name
        Name among those that come with Seawall, or of the file.
    path
        File it was read from.
    model
        What the file says.
    behaviours, shocks, levers, losses
        Plug-ins by name; loss rules by venue.
    places
        Where each shock stands in the file, by its name.
    """

    name: str
    path: Path
    model: ScenarioModel
    behaviours: Mapping[str, Behaviour]
    shocks: Mapping[str, Shock]
    levers: Mapping[str, Lever]
    losses: Mapping[str, LossRule]
    places: Mapping[str, str]

    @property
    def book_path(self) -> Path | None:
        """File of its positions; None if its population is drawn."""
        population = self.model.population
        return Path(population.path) if isinstance(population, BookPopulation) else None

    def settings(self) -> dict[str, Any]:
        """Everything that decides a run, defaults filled in: plain values by key."""
        return self._dumped()

    def stated(self) -> dict[str, Any]:
        """:meth:`settings` without those that are as they would be if nothing were said."""
        return self._dumped(exclude_defaults=True)

    def _dumped(self, **how: Any) -> dict[str, Any]:
        known = self.model.model_dump(exclude=set(_WORDS), **how)
        for section in ("behaviours", "levers", "losses", "shocks"):
            known[section] = {
                name: {"kind": kind_of(plugin), **plugin.model_dump(**how)}
                for name, plugin in getattr(self, section).items()
            }
        return known

    def digest(self) -> str:
        """SHA-256 over :meth:`settings`: the identity of a scenario, whatever its words."""
        text = json.dumps(self.settings(), sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


def scenario_names() -> tuple[str, ...]:
    """Scenarios that come with Seawall."""
    return tuple(sorted(path.stem for path in SCENARIOS.glob("*.toml")))


def find_scenario(name: str | os.PathLike[str]) -> Path:
    """The file of a scenario, by its name or path.

    Raises
    ------
    InputError
        If there is no such file.
    """
    path = Path(name).expanduser()
    bundled = SCENARIOS / f"{name}.toml"
    if path.name == str(name) and not path.suffix and bundled.is_file():
        return bundled
    if path.is_file():
        return path.resolve()
    raise InputError(
        Mistake(
            "no such scenario",
            "scenario",
            value=str(name),
            allowed=f"{', '.join(scenario_names())}, or the path of a .toml file",
        )
    )


def load_scenario(name: str | os.PathLike[str]) -> Scenario:
    """Read a scenario and check it by itself.

    Raises
    ------
    InputError
        With every mistake of the file, each with the path of its key.
    """
    path = find_scenario(name)
    try:
        return scenario_of(read_tables(path, find_scenario), path)
    except InputError as error:
        # a key that a file inherits is wrong where it stands
        told = [
            replace(m, where=str(where_said(path, find_scenario, m.column)))
            if m.column and m.where == str(path)
            else m
            for m in error.mistakes
        ]
        raise InputError(told, error.total) from None


def scenario_of(tables: Mapping[str, Any], path: Path) -> Scenario:
    """A scenario from its tables, checked by itself; ``path`` is what messages name.

    Raises
    ------
    InputError
        With every mistake, each with the path of its key.
    """
    mistakes: list[Mistake] = []
    plugins = {
        "behaviours": _named(tables, "behaviours", behaviours(), path, mistakes),
        "levers": _named(tables, "levers", levers(), path, mistakes),
        "losses": _named(_losses(tables), "losses", loss_rules(), path, mistakes),
    }
    listed, places = _listed(tables, path, mistakes)
    try:
        model = ScenarioModel.model_validate_json(json.dumps(tables, default=str), strict=True)
    except ValidationError as error:
        found = every_error(ScenarioModel, error, tables, _read_model)
        wrong = [mistake_of(path, detail) for detail in found]
        raise InputError([*wrong, *mistakes]) from None
    if mistakes:
        raise InputError(mistakes)
    return Scenario(path.stem, path, model, shocks=listed, places=places, **plugins)


def with_levers(name: str | os.PathLike[str], levers: Mapping[str, Any]) -> Scenario:
    """A scenario with safeguards over it, as a file ``reform.toml`` that extends it states them.

    Parameters
    ----------
    name
        Scenario, by name or path.
    levers
        Tables of the section ``levers``, by name.

    Raises
    ------
    InputError
        With every mistake in them, as of that file.
    """
    tables = read_tables(find_scenario(name), find_scenario)
    title = f"{tables.get('title', name)}, with {', '.join(levers).replace('_', ' ')}"
    return scenario_of(
        laid_over(tables, {"title": title, "levers": dict(levers)}), Path("reform.toml")
    )


def differences(base: Scenario, reform: Scenario) -> list[tuple[str, Any, Any]]:
    """Every setting in which two scenarios differ: its key, and its two values (None: not set).

    Of what only one of them has, such as a lever, what it leaves at its defaults is not listed.
    """
    first, second = dict(_leaves(base.settings())), dict(_leaves(reform.settings()))
    keys = sorted({key for side in (base, reform) for key, _ in _leaves(side.stated())})
    return [(k, first.get(k), second.get(k)) for k in keys if first.get(k) != second.get(k)]


def span_seconds(text: str, where: str) -> float:
    """Seconds of a span such as ``30m``.

    Raises
    ------
    InputError
        If it is none.
    """
    try:
        return seconds_of(text)
    except ValueError:
        raise InputError(Mistake("not a span of time", where, value=text, allowed=SPANS)) from None


def kind_of(plugin: Plugin) -> str:
    """The name of the file that a plug-in's class stands in."""
    return type(plugin).__module__.rpartition(".")[2]


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _leaves(item, f"{key}.{name}" if key else name)
    elif value != {}:
        yield key, value


def _losses(tables: Mapping[str, Any]) -> dict[str, Any]:
    """Loss rules in their long form: a bare name is a kind without parameters."""
    section = tables.get("losses")
    if not isinstance(section, dict):
        return {}
    return {
        "losses": {k: {"kind": v} if isinstance(v, str) else v for k, v in section.items()},
    }


def _named(
    tables: Mapping[str, Any], section: str, known: Mapping[str, type[Any]], path: Path, wrong: Any
) -> dict[str, Any]:
    """Plug-ins of a section of named tables; the kind is the name where none is given."""
    named = tables.get(section)
    out = {}
    for name, table in named.items() if isinstance(named, dict) else ():
        if isinstance(table, dict):
            made = _plugin(table, name, known, path, f"{section}.{name}", wrong)
            if made is not None:
                out[name] = made
    return out


def _listed(
    tables: Mapping[str, Any], path: Path, wrong: list[Mistake]
) -> tuple[dict[str, Shock], dict[str, str]]:
    """Shocks in the order of the file, under their names or kinds, numbered if those repeat."""
    known, rows = shocks(), tables.get("shocks")
    out: dict[str, Shock] = {}
    places: dict[str, str] = {}
    for k, row in enumerate(rows if isinstance(rows, list) else ()):
        if not isinstance(row, dict):
            continue
        table = dict(row)
        name = str(table.pop("name", table.get("kind", "")))
        place = key_path(("shocks", k))
        if "name" in row and name in out:
            wrong.append(Mistake("two shocks of one name", str(path), column=place, value=name))
        made = _plugin(table, "", known, path, place, wrong)
        if made is None:
            continue
        if name in out:
            name = f"{name} {k + 1}"
        out[name], places[name] = made, place
    return out, places


def _frozen(value: Any) -> Any:
    """The same with tuples for lists, which is what plug-ins hold."""
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def _plugin(
    table: Mapping[str, Any],
    name: str,
    known: Mapping[str, type[Any]],
    path: Path,
    place: str,
    wrong: list[Mistake],
) -> Any:
    """One plug-in from its table; None, and a mistake more, if it is not right."""
    parameters = dict(table)
    kind = parameters.pop("kind", name)
    if kind not in known:
        what = "kind is missing" if not kind else f"no such kind of {place.split('.')[0]}"
        allowed = ", ".join(known) or "none is installed"
        value = str(kind) if kind else None
        wrong.append(Mistake(what, str(path), column=f"{place}.kind", value=value, allowed=allowed))
        return None
    model = known[str(kind)]
    try:
        return model.model_validate(_frozen(parameters), strict=True)
    except ValidationError as error:
        found = every_error(model, error, parameters, _read_plugin)
        wrong += [mistake_of(path, detail, place) for detail in found]
        return None


def _read_model(validator: SchemaValidator, tables: Any) -> object:
    return validator.validate_json(json.dumps(tables, default=str), strict=True)


def _read_plugin(validator: SchemaValidator, parameters: Any) -> object:
    return validator.validate_python(_frozen(parameters), strict=True)
