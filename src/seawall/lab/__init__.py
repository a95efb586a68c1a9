"""Fits and policy experiments: what a simulated run is held against."""

from seawall.lab.crash import OCTOBER, Timing
from seawall.lab.moments import Moment, measure, october_moments
from seawall.lab.tape import EventCodes, Events, Tape, candle_path

__all__ = [
    "OCTOBER",
    "EventCodes",
    "Events",
    "Moment",
    "Tape",
    "Timing",
    "candle_path",
    "measure",
    "october_moments",
]
