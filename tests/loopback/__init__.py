"""Servers on the loopback interface that speak the venues' wire protocols, well or badly."""

from loopback.server import LoopServer, Mischief
from loopback.speech import SPEECHES, Closing, Speech, closings

__all__ = ["SPEECHES", "Closing", "LoopServer", "Mischief", "Speech", "closings"]
