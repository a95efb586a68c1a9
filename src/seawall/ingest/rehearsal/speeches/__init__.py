"""A file a venue: how each speaks, by the name of its rulebook."""

from __future__ import annotations

from seawall.core.registry import registry
from seawall.ingest.rehearsal.speech import Speech

SPEECHES: dict[str, type[Speech]] = registry(__name__, Speech)  # type: ignore[type-abstract]
"""Classes, as each server has a memory of its own; those of ``SEAWALL_PLUGINS`` among them."""
