"""Venues' REST interfaces on the loopback, for ccxt's own classes pointed at them by URL."""

from made_venues.server import Question, Refusal, RestVenue

__all__ = ["Question", "Refusal", "RestVenue"]
