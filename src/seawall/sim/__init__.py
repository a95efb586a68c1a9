"""Synthetic markets: a population of leveraged accounts drawn to a published record."""

from seawall.sim.assembly import TraderLabels
from seawall.sim.november import DemoMarket, november_2025
from seawall.sim.recipe import RecordedFigure
from seawall.sim.record import ComparedFigure

__all__ = ["ComparedFigure", "DemoMarket", "RecordedFigure", "TraderLabels", "november_2025"]
