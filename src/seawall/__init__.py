"""Liquidation-risk engine for leveraged crypto markets."""

__version__ = "0.1.0"
