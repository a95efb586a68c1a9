"""Measures and maps: liquidation map, clusters, concentration, static cascade, waterfall."""

from seawall.risk.cascade import Cascade, Closings, StaticCascade
from seawall.risk.concentration import Concentration, concentration_of, concentrations, lorenz
from seawall.risk.map import Cluster, LiquidationMap, bin_width, clusters, liquidation_map
from seawall.risk.stress import StressTest, stress_test
from seawall.risk.sweep import (
    LADDER,
    Band,
    ReverseStress,
    Sweep,
    band,
    banded,
    ladder,
    smallest_shock,
    sweep,
)
from seawall.risk.waterfall import Settlement, VenueLosses, settle

__all__ = [
    "LADDER",
    "Band",
    "Cascade",
    "Closings",
    "Cluster",
    "Concentration",
    "LiquidationMap",
    "ReverseStress",
    "Settlement",
    "StaticCascade",
    "StressTest",
    "Sweep",
    "VenueLosses",
    "band",
    "banded",
    "bin_width",
    "clusters",
    "concentration_of",
    "concentrations",
    "ladder",
    "liquidation_map",
    "lorenz",
    "settle",
    "smallest_shock",
    "stress_test",
    "sweep",
]
