"""Measures and maps: liquidation map, clusters, concentration, static cascade, waterfall."""
