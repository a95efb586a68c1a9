"""What the room tells without being asked: rulebooks, scenarios, safeguards, studies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from seawall.app.room_levers import levers


def facts() -> Mapping[str, Callable[[], Any]]:
    """Lists by the name under which they are told."""
    return {"rules": rules, "scenarios": scenarios, "levers": levers, "studies": studies}


def rules() -> list[dict[str, Any]]:
    """As ``seawall rules show``: venues, and the days their rules and brackets begin."""
    from seawall.rulebook import Rules

    known = Rules.bundled()
    return [
        {
            "venue": name,
            "rules_from": [str(d) for d in known.terms_days(name)],
            "brackets_from": [str(d) for d in known.bracket_days(name)],
        }
        for name in known.venues()
    ]


def scenarios() -> list[dict[str, Any]]:
    """Scenarios that ``simulate`` and ``compare`` take, and what each asks."""
    from seawall.sim.scenario import load_scenario, scenario_names

    found = [load_scenario(name) for name in scenario_names()]
    return [{"name": s.name, "title": s.model.title, "question": s.model.question} for s in found]


def studies() -> list[str]:
    """Names that ``seawall study`` takes."""
    from seawall.app.study_commands import study_app

    return sorted(str(c.name) for c in study_app.registered_commands)
