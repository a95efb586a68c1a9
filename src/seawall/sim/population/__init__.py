"""Synthetic populations of leveraged accounts, drawn to a published record."""
