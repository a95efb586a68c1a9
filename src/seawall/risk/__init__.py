"""Measures and maps: liquidation map, clusters, concentration, static cascade, waterfall."""

from seawall.risk.cascade import Cascade, StaticCascade
from seawall.risk.closings import Closings, Tally
from seawall.risk.concentration import Concentration, concentration_of, concentrations, lorenz
from seawall.risk.map import Cluster, LiquidationMap, bin_width, clusters, liquidation_map
from seawall.risk.stress import (
    Along,
    StressTest,
    along,
    direction_of,
    reverse_along,
    stress_test,
)
from seawall.risk.sweep import (
    LADDER,
    Band,
    ReverseStress,
    Sweep,
    band,
    banded,
    ladder,
    smallest_shock,
    soaring,
    sweep,
)
from seawall.risk.waterfall import Settlement, VenueLosses, settle

__all__ = [
    "LADDER",
    "Along",
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
    "Tally",
    "VenueLosses",
    "along",
    "band",
    "banded",
    "bin_width",
    "clusters",
    "concentration_of",
    "concentrations",
    "direction_of",
    "ladder",
    "liquidation_map",
    "lorenz",
    "reverse_along",
    "settle",
    "smallest_shock",
    "soaring",
    "stress_test",
    "sweep",
]
