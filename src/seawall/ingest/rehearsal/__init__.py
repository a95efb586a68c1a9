"""Venues on the loopback interface: the recorder rehearsed without a network.

A server tells closings that are known beforehand in a venue's own wire protocol, well or badly;
what the store then holds can be held against them.
"""
