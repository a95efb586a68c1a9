"""Study of November 2025: the record again, what sets off what, and what the safeguards do.

See ``docs/methods/november-study.md``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake
from seawall.lab.compare import Difference, mean_interval
from seawall.lab.november_claims import CLAIMS
from seawall.lab.november_variants import CRISIS, ORDINARY, Variant, variants
from seawall.lab.verdicts import Verdict, judge
from seawall.sim.batch import Failure, Outcome, equity_of, run_batch
from seawall.sim.engine import Simulation
from seawall.sim.measures import forced, largest_forced_of
from seawall.sim.paired import FAINT, largest_forced, without
from seawall.sim.recipe import load_recipe
from seawall.sim.run import Run
from seawall.sim.scenario import Scenario, load_scenario
from seawall.sim.setup import Setup
from seawall.sim.staging import stage
from seawall.sim.summary import Row, summarise

SCENARIOS = {CRISIS: "november-2025", ORDINARY: "november-2025-ordinary"}
SEEDS, REDUCED_SEEDS = 10, 3
REDUCED_ACCOUNTS, REDUCED_STEP = 10_000, 10.0
DOMINOES, DOMINO_SEEDS = 5, 5
