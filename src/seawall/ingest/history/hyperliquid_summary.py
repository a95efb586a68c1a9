"""HyperReplay's published sums of 10 October 2025: totals, and counts by moment.

``results.json`` (total_impact_results, cascade_timing_results), ``adl_flow_data.json`` (metadata,
timeBuckets) and ``realtime_analysis_summary.json`` of ConejoCapital/HyperReplay and its analyses.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from seawall.core import InputError, Mistake, parse_time
from seawall.ingest.history.found import History, Series, What
from seawall.ingest.history.look import How, Look

NAME = "hyperliquid summary"


def recognises(look: Look) -> bool:
    """Whether a file is one of the sums."""
    return (
        look.has("total_impact_results", "cascade_timing_results")
        or look.has("eventCount", "totalNotionalUsd")
        or look.has("metadata", "assetFlows")
        or look.has("analysis_type", "key_findings")
        or look.name == "results.json"
    )


def read_path(path: Path, how: How) -> History:
    """Read a file of sums."""
    del how
    try:
        value = json.loads(path.read_text("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(Mistake(f"not valid JSON: {error}", str(path))) from None
    try:
        if "total_impact_results" in value:
            return _results(path, value)
        if "timeBuckets" in value:
            return _flows(path, value)
        totals = {k: v for k, v in value.items() if not isinstance(v, dict)}
        totals |= value["key_findings"]
    except (KeyError, TypeError) as error:
        raise InputError(Mistake(f"a part is missing: {error}", str(path))) from None
    return History(str(path), NAME, What.LOSSES, totals=totals)


def _results(path: Path, value: dict[str, Any]) -> History:
    impact, timing = value["total_impact_results"], value["cascade_timing_results"]
    start = parse_time(timing["event_start"])
    rows = timing["timeline"]
    seconds = np.array([r["second"] for r in rows], dtype=np.int64)
    series = Series(
        start + seconds * 10**9,
        {},
        {
            "liquidations": np.array([r["liquidations"] for r in rows], dtype=np.float64),
            "deleveragings": np.array([r["adls"] for r in rows], dtype=np.float64),
        },
    )
    totals = {
        "liquidations": int(impact["liquidations"]["events"]),
        "liquidations_usd": float(impact["liquidations"]["notional"]),
        "deleveragings": int(impact["adl"]["events"]),
        "deleveragings_usd": float(impact["adl"]["notional"]),
        "first_adl_delay_s": float(timing["delay_seconds"]),
    }
    note = "deleveragings are the counterpart of liquidations: the two are never added"
    return History(
        str(path), NAME, What.LIQUIDATION_SUMS, series=series, totals=totals, notes=(note,)
    )


def _flows(path: Path, value: dict[str, Any]) -> History:
    about, rows = value["metadata"], value["timeBuckets"]
    series = Series(
        np.array([r["time"] for r in rows], dtype=np.int64) * 1_000_000,
        {},
        {
            "deleveragings": np.array([r["eventCount"] for r in rows], dtype=np.float64),
            "deleveragings_usd": np.array([r["notionalInBucket"] for r in rows], dtype=np.float64),
        },
    )
    totals = {
        "deleveragings": int(about["eventCount"]),
        "deleveragings_usd": float(about["totalNotionalUsd"]),
        "accounts": int(about["uniqueAccounts"]),
    }
    return History(str(path), NAME, What.LOSSES, series=series, totals=totals)
