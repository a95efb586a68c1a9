"""A finished run in one file, with what is needed to report it again.

A compressed ``.npz``: plain arrays, and a head of JSON that begins with the schema's name.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Instrument, Mistake
from seawall.core.hooks import Floor, Market
from seawall.core.instrument import ContractType
from seawall.sim.batch import Failure, Outcome, Result, Task
from seawall.sim.paired import Domino
from seawall.sim.run import Events, Run

SCHEMA = "seawall.run/3"

Floats = NDArray[np.float64]

_ARRAYS = ("second", "fund", "fund_start", "fund_end", "equity", "bad_debt", "given_up")


@dataclass(frozen=True, slots=True, eq=False)
class SavedRun:
    """A run and everything its report says.

    Attributes
    ----------
    run
        The run itself.
    equity_before
        Shape (m,): USD equity of each account at the start.
    about
        Words and settings of the scenario, plain values: ``title``, ``question``, ``reading``,
        ``sources``, ``name``, ``digest``, ``settings``, and the book's ``source``, ``digest``,
        ``accounts``, ``positions``, ``notes``.
    paired
        Figures that rest on runs beside it, by name; NaN where not computed.
    others
        Runs of the same scenario with other seeds, each by its measures, or failed.
    dominoes
        Attribution to the accounts most was forced of, where asked for.
    """

    run: Run
    equity_before: Floats
    about: Mapping[str, Any]
    paired: Mapping[str, float] = field(default_factory=dict)
    others: tuple[Result, ...] = ()
    dominoes: tuple[Domino, ...] = ()


def save_run(saved: SavedRun, path: str | Path) -> Path:
    """Write a run, whole or not at all. Returns the absolute path.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    run = saved.run
    head = {
        "schema": SCHEMA,
        "floor": asdict(run.floor),
        "start": run.start,
        "seed": run.seed,
        "deposits": run.deposits,
        "errors": [run.cash_error, run.interest_error],
        "about": dict(saved.about),
        "paired": dict(saved.paired),
        "others": [asdict(x) for x in saved.others],
        "dominoes": [asdict(x) for x in saved.dominoes],
    }
    arrays: dict[str, Any] = {f"series.{name}": x for name, x in run.series.items()}
    arrays |= {f"events.{name}": getattr(run.events, name) for name in Events.__slots__}
    arrays |= {name: getattr(run, name) for name in _ARRAYS}
    target = Path(path).expanduser().absolute()
    part = target.with_name(f".{target.name}.part")
    try:
        with part.open("wb") as file:
            text = np.frombuffer(json.dumps(head, default=str).encode(), dtype=np.uint8)
            np.savez_compressed(file, head=text, equity_before=saved.equity_before, **arrays)
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        allowed = "a file in a writable folder that exists"
        raise InputError(
            Mistake(f"the run cannot be saved: {error.strerror}", str(target), allowed=allowed)
        ) from None
    return target


def load_run(path: str | Path) -> SavedRun:
    """Read a run that :func:`save_run` wrote.

    Raises
    ------
    InputError
        If the file is missing, damaged, or not a saved run of this version.
    """
    place = str(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        head = json.loads(bytes(arrays.pop("head")).decode())
        schema = head.get("schema")
        if schema is None:
            mend = "A paused run goes on with seawall simulate --resume."
            raise InputError(Mistake("not a finished run", place, mend=mend))
        if schema != SCHEMA:
            raise InputError(
                Mistake("a run of another version", place, value=schema, allowed=SCHEMA)
            )
        return _built(head, arrays)
    except FileNotFoundError:
        raise InputError(Mistake("no such file", place)) from None
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        raise InputError(Mistake("not a saved run", place, allowed="what --save wrote")) from None


def _built(head: Mapping[str, Any], arrays: Mapping[str, Any]) -> SavedRun:
    events = Events(*(arrays[f"events.{name}"] for name in Events.__slots__))
    series = {k.removeprefix("series."): v for k, v in arrays.items() if k.startswith("series.")}
    run = Run(
        floor=_floor(head["floor"]),
        start=int(head["start"]),
        seed=int(head["seed"]),
        second=arrays["second"],
        series=series,
        fund=arrays["fund"],
        fund_start=arrays["fund_start"],
        fund_end=arrays["fund_end"],
        deposits=float(head["deposits"]),
        events=events,
        equity=arrays["equity"],
        bad_debt=arrays["bad_debt"],
        given_up=arrays["given_up"],
        cash_error=float(head["errors"][0]),
        interest_error=float(head["errors"][1]),
    )
    return SavedRun(
        run=run,
        equity_before=arrays["equity_before"],
        about=head["about"],
        paired=head["paired"],
        others=tuple(_result(x) for x in head["others"]),
        dominoes=tuple(Domino(**x) for x in head["dominoes"]),
    )


def _floor(table: Mapping[str, Any]) -> Floor:
    markets = []
    for row in table["markets"]:
        known = dict(row["instrument"])
        known["contract_type"] = ContractType(known["contract_type"])
        markets.append(Market(**{**row, "instrument": Instrument(**known)}))
    return Floor(
        markets=tuple(markets),
        venues=tuple(table["venues"]),
        assets=tuple(table["assets"]),
        step=float(table["step"]),
        steps=int(table["steps"]),
    )


def _result(row: Mapping[str, Any]) -> Result:
    task = Task(**row["task"])
    if "row" in row:
        return Outcome(task, dict(row["row"]), float(row["seconds"]))
    return Failure(task, row["message"], row["trace"])
