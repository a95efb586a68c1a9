"""Synthetic markets: a population of leveraged accounts drawn to a published record."""

from seawall.sim.population.assembly import TraderLabels
from seawall.sim.population.november import DemoMarket, november_2025
from seawall.sim.population.recipe import RecordedFigure
from seawall.sim.population.record import ComparedFigure

__all__ = ["ComparedFigure", "DemoMarket", "RecordedFigure", "TraderLabels", "november_2025"]
