"""The trader's desk: how likely a liquidation is, and what to do about it."""
