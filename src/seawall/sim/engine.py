"""A run: built from a setup and a seed, advanced step by step, saved and resumed bit for bit."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.core import Book, InputError, InternalError, Mistake
from seawall.core import _columns as c
from seawall.core.hooks import Traders
from seawall.margin import funding_rate
from seawall.rulebook import bind
from seawall.rulebook.losses import loss_rule
from seawall.sim import _engine, _settling
from seawall.sim import _layout as layout
from seawall.sim.losses import FundPeaks, set_limits, share_out
from seawall.sim.plan import FLOWS, build_plan, timeline_of
from seawall.sim.run import SERIES, Events, Run
from seawall.sim.setup import Setup
from seawall.sim.streams import stream_key
from seawall.sim.world import at_prices, build_world, changed_book, margined

Floats = NDArray[np.float64]

_SAVED = 4
_MUTABLE = ("memory", "sales", "flows", "record", "record_second", "sessions")


class Simulation:
    """One run of a setup.

    Parameters
    ----------
    setup
        Scenario made ready.
    seed
        Same setup and seed, same run, to the last bit.

    Attributes
    ----------
    margin
        The book as plug-ins have changed it, under its rules.
    world, plan
        The columns; rows of accounts and positions are those nearest to falling first, and
        ``accounts`` and ``positions`` hold the book's behind each.

    Raises
    ------
    InputError
        If the book has positions on markets that are not there, or a plug-in refuses.
    """

    def __init__(self, setup: Setup, seed: int = 0):
        self.setup, self.seed = setup, int(seed)
        floor = setup.floor
        book = at_prices(setup.book, floor)
        before = bind(book, setup.rules, setup.start)
        book = book.with_balances(before.balance)
        equity = before.accounts_state().equity * _coin(book)
        traders = Traders.of(book, equity)
        for kind, plugs in (("behaviour", setup.behaviours), ("lever", setup.levers)):
            for name, plug in plugs.items():
                plug.traders(traders, self._rng(f"{kind} {name}"))
        timeline = timeline_of(setup, traders)
        self.margin = margined(setup, changed_book(book, traders))
        self.world, self.accounts, self.positions = build_world(setup, self.margin, traders)
        self.plan, self.hooks = build_plan(setup, timeline, seed, self.world.af)
        w = self.world
        self.plan = self.plan._replace(room=len(w.events) - 4 * (len(w.af) + len(w.pf)) - 1000)
        own = {t.venue: t for t in self.margin.terms}
        terms = [own.get(v) or setup.rules.terms(v, setup.start) for v in floor.venues]
        self.terms = tuple(terms)
        self.rules = tuple(setup.losses.get(t.venue) or loss_rule(t.loss) for t in self.terms)
        self.fund_start = self.fund_worth().copy()
        self.peaks = FundPeaks(self.fund_start)
        self.triggered = np.zeros((len(floor), 2), dtype=np.bool_)
        self.fund_after = np.full(len(self.fund_start), np.inf)
        self.given_up = np.zeros(len(self.fund_start))
        set_limits(self)
        self._events: list[Floats] = []
        self._cash_at_start = self._cash()
        self._topup_at_start = w.af[:, c.TOPUP].copy()
        self._pledged_at_start = w.af[:, c.PLEDGED].copy()
        self._gross_at_start = np.abs(w.rest_held) + np.bincount(
            w.pi[:, c.P_MARKET], np.abs(w.pf[:, c.START_Z]), len(floor)
        )
        _engine.arm_all(w)

    def _rng(self, name: str) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(key=int(stream_key(self.seed, name))))

    @property
    def step(self) -> int:
        """Steps done."""
        return int(self.world.clock[c.STEP])

    @property
    def second(self) -> float:
        """Seconds since the start."""
        return self.step * self.setup.floor.step

    @property
    def done(self) -> bool:
        """Whether the last step is done."""
        return self.step >= self.setup.floor.steps

    def advance(self, until: float | None = None) -> None:
        """Run to a second (rounded to a step), or to the end."""
        floor = self.setup.floor
        last = floor.steps if until is None else min(round(until / floor.step), floor.steps)
        while self.step < last:
            code = _engine.advance(last, self.world, self.plan)
            self._drain()
            if code == _engine.CLAIMS:
                share_out(self)
            self._fund()

    def run(self, progress: Callable[[float], None] | None = None) -> Run:
        """Run to the end; ``progress`` is told the share done."""
        floor = self.setup.floor
        parts = 20 if progress else 1
        begin = self.second
        for part in range(1, parts + 1):
            self.advance(begin + (floor.seconds - begin) * part / parts)
            if progress:
                progress(self.step / floor.steps)
        self.advance()
        return self.result()

    def _drain(self) -> None:
        n = int(self.world.counts[layout.N_EVENTS])
        if n:
            self._events.append(self.world.events[:n].copy())
            self.world.counts[layout.N_EVENTS] = 0

    def _fund(self) -> None:
        """Pay funding on every market on which it is due."""
        w = self.world
        now = w.clock[c.SECONDS]
        due = np.flatnonzero(w.markets[:, c.FUNDING_AT] <= now)
        for m in due:
            terms = self.terms[int(w.markets[m, c.VENUE])].funding
            premium = w.markets[m, c.PREMIUM] * terms.interval_hours / terms.premium_hours
            rate = float(funding_rate(premium, terms.interest, terms.damper, terms.cap))
            w.markets[m, c.RATE] = rate
            w.markets[m, c.FUNDING_AT] += w.markets[m, c.FUNDING_EVERY]
            w.markets[m, c.PREMIUM] = 0.0
            _settling.pay_funding(int(m), rate, w, self.plan)
        # at times that do not hang on how far each call of advance goes
        if len(due):
            self.peaks.see(self.second, self.fund_worth())
        self._drain()

    def fund_worth(self) -> Floats:
        """Shape (V,): USD each venue's fund is worth, its inventory at the mark."""
        w = self.world
        table = w.markets
        inverse, mark = table[:, c.INVERSE] > 0, table[:, c.MARK]
        coin = np.where(inverse, mark, 1.0)
        value = np.where(inverse, -w.fund_held / mark, w.fund_held * mark)
        perps = table[:, c.SPOT] == 0
        each = np.bincount(
            table[perps, c.VENUE].astype(np.int64),
            ((w.fund_cash + value) * coin)[perps],
            len(w.fund_usd),
        )
        return np.asarray(w.fund_usd + each)

    def _behaviours_hold(self) -> tuple[Floats, Floats]:
        """Base quantity and cash of all behaviours together, by market."""
        m = len(self.setup.floor)
        held, cash = np.zeros(m), np.zeros(m)
        for h in range(int(self.plan.firsts[1])):
            end = int(self.plan.spans[h, 1])
            held += self.plan.memory[end - 2 * m : end - m]
            cash += self.plan.memory[end - m : end]
        return held, cash

    def _cash(self) -> Floats:
        """Cash of everyone by settlement currency: USD, then each asset's coin."""
        w = self.world
        floor = self.setup.floor
        _, behaviours = self._behaviours_hold()
        of_market = w.fund_cash + w.markets[:, c.MAKER_CASH] + w.rest_cash + w.fees + behaviours
        market, account = self._currencies()
        total = np.bincount(market, of_market, 1 + len(floor.assets))
        of_accounts = np.bincount(account, w.af[:, c.CASH], 1 + len(floor.assets))
        return np.asarray(total + of_accounts)

    def _currencies(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Currency of each market and account: 0 USD, 1 + asset for its coin."""
        w = self.world
        inverse = w.markets[:, c.INVERSE] > 0
        code = np.where(inverse, 1 + w.markets[:, c.ASSET], 0).astype(np.int64)
        first = w.pi[w.ai[:-1, c.A_START].clip(0, len(w.pi) - 1), c.P_MARKET]
        return code, code[first]

    def conservation(self) -> tuple[float, float]:
        """Relative misses of two sums that must not change.

        The cash of all accounts, funds, makers, behaviours and fees, less what traders added and
        what pledged collateral lost, over the gross value: the worst of all settlement currencies,
        each against its own; and the sum of all quantities held in a market, over what was held
        at the start and by makers and behaviours since.
        """
        w = self.world
        held, _ = self._behaviours_hold()
        way = np.where(w.markets[:, c.INVERSE] > 0, -1.0, 1.0)
        size = w.pf[:, c.Z] * way[w.pi[:, c.P_MARKET]]
        of_accounts = np.bincount(w.pi[:, c.P_MARKET], size, len(way))
        total = of_accounts + w.fund_held + w.markets[:, c.MAKER_HELD] + w.rest_held + held
        gross = self._gross_at_start + np.abs(w.markets[:, c.MAKER_HELD]) + np.abs(held) + 1e-9
        code, of_account = self._currencies()
        many, mark = len(self._cash_at_start), w.markets[:, c.MARK]
        peg = np.bincount(of_account, w.af[:, c.PLEDGED] - self._pledged_at_start, many)
        # a trader adds once, and what is left to add is then 0
        added = np.bincount(of_account, self._topup_at_start - w.af[:, c.TOPUP], many)
        missing = np.abs(self._cash() - self._cash_at_start - added - peg)
        dollars = np.where(way < 0, 1.0 / mark, mark)
        held_usd = np.bincount(code, gross * dollars, many)
        # large balances beside small positions: sums are exact to a part of the balances only
        balance = np.bincount(of_account, np.abs(w.af[:, c.CASH]), many)
        value = held_usd + (1e-6 * balance + 1e-9)
        return float(np.max(missing / value)), float(np.max(np.abs(total) / gross))

    def result(self) -> Run:
        """What came of the run so far.

        Raises
        ------
        InternalError
            If cash or open interest are not conserved.
        """
        w, plan, floor = self.world, self.plan, self.setup.floor
        cash, interest = self.conservation()
        if not (cash < 1e-6 and interest < 1e-6):
            raise InternalError(f"conservation: cash off by {cash:.2g}, interest by {interest:.2g}")
        rows = int(w.counts[layout.N_RECORD])
        names = [*SERIES, *FLOWS]
        series = {name: plan.record[:rows, k].copy() for k, name in enumerate(names)}
        n = len(w.af)
        equity, need, gross = np.empty(n), np.empty(n), np.empty(n)
        _engine.account_worth(w, equity, need, gross)
        of_book = np.empty(n)
        of_book[self.accounts] = equity
        worth = self.fund_worth()
        return Run(
            floor=floor,
            start=self.setup.start,
            seed=self.seed,
            second=plan.record_second[:rows].copy(),
            series=series,
            fund=self._fund_path(series),
            fund_start=self.fund_start.copy(),
            fund_end=worth.copy(),
            deposits=float(w.totals[layout.T_DEPOSITS]),
            events=self._event_columns(),
            equity=of_book * _coin(self.margin.book, self._marks()),
            bad_debt=np.maximum(-worth, 0.0),
            given_up=self.given_up.copy(),
            cash_error=cash,
            interest_error=interest,
        )

    def _marks(self) -> Floats:
        """Shape (n,): mark of each position of the book."""
        w, out = self.world, np.empty(len(self.margin.book))
        out[self.positions] = w.markets[w.pi[:, c.P_MARKET], c.MARK]
        return out

    def _fund_path(self, series: dict[str, Floats]) -> Floats:
        w = self.world
        inverse = w.markets[:, c.INVERSE] > 0
        mark = series["mark"]
        value = np.where(inverse, -series["fund_held"] / mark, series["fund_held"] * mark)
        usd = (series["fund_cash"] + value) * np.where(inverse, mark, 1.0)
        path = np.tile(w.fund_usd, (len(mark), 1)).astype(np.float64)
        for m in np.flatnonzero(w.markets[:, c.SPOT] == 0):
            path[:, int(w.markets[m, c.VENUE])] += usd[:, m]
        return path

    def _event_columns(self) -> Events:
        w, dt = self.world, self.setup.floor.step
        rows = [*self._events, w.events[: int(w.counts[layout.N_EVENTS])]]
        e = np.concatenate(rows)
        market = e[:, c.E_MARKET].astype(np.int64)
        account = e[:, c.E_ACCOUNT].astype(np.int64)
        position = e[:, c.E_POSITION].astype(np.int64)
        return Events(
            second=(e[:, c.E_STEP] + 1.0) * dt,
            kind=e[:, c.E_KIND].astype(np.int64),
            market=market,
            venue=w.markets[market, c.VENUE].astype(np.int64),
            account=np.where(account >= 0, self.accounts[account], -1),
            position=np.where(position >= 0, self.positions[position], -1),
            quantity=e[:, c.E_QUANTITY],
            price=e[:, c.E_PRICE],
            usd=e[:, c.E_USD],
        )

    def save(self, path: str | Path) -> Path:
        """Write the whole state, so that :meth:`load` goes on bit for bit."""
        self._drain()
        target = Path(path)
        head = json.dumps({"version": _SAVED, "seed": self.seed, "setup": self._identity()})
        events = np.concatenate([*self._events, np.empty((0, c.EVENT_COLUMNS))])
        part = target.with_name(target.name + ".part")
        with part.open("wb") as file:
            np.savez(
                file,
                head=np.frombuffer(head.encode(), dtype=np.uint8),
                events=events,
                **self._saved_arrays(),
            )
        part.replace(target)
        return target

    def _identity(self) -> str:
        """SHA-256 over the setup, the terms that came of it and what the run follows."""
        w, plan = self.world, self.plan
        sha = hashlib.sha256(self.setup.digest().encode())
        sha.update(self.margin.book.digest().encode())
        sha.update(repr(self.terms).encode())
        fixed = (w.rates, w.deductions, plan.outside, plan.peg, plan.edits, plan.parameters)
        for values in (*fixed, plan.spans, plan.firsts, plan.keys):
            sha.update(np.ascontiguousarray(values).tobytes())
        return sha.hexdigest()

    def _saved_arrays(self) -> dict[str, Any]:
        """What :meth:`save` writes of the world and the plan, by its name there."""
        arrays = {f"w_{k}": v for k, v in self.world._asdict().items() if k != "events"}
        arrays |= {f"p_{k}": getattr(self.plan, k) for k in _MUTABLE}
        return arrays | {
            "fund_peaks": self.peaks.seen,
            "fund_after": self.fund_after,
            "given_up": self.given_up,
            "triggered": self.triggered,
        }

    @classmethod
    def load(cls, path: str | Path, setup: Setup) -> Simulation:
        """Go on with a saved run under the setup it was saved from.

        Raises
        ------
        InputError
            If the file is not a saved run, or was saved from another setup.
        """
        try:
            with np.load(path) as file:
                head = json.loads(bytes(file["head"]).decode())
                saved = {k: file[k] for k in file.files}
            if "schema" in head:
                mend = "Show it with seawall replay; to go on, save a run that --until paused."
                raise InputError(Mistake("a finished run", str(path), mend=mend))
            seed, events = int(head["seed"]), saved["events"]
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(
                Mistake("not a saved run", str(path), allowed="what --until and --save wrote")
            ) from error
        run = cls(setup, seed)
        same = head.get("version") == _SAVED and head.get("setup") == run._identity()
        arrays = run._saved_arrays()
        shapes = {name: np.shape(now) for name, now in arrays.items()} | {
            "events": (len(events), c.EVENT_COLUMNS)
        }
        if not same or any(
            name not in saved or saved[name].shape != shape for name, shape in shapes.items()
        ):
            raise InputError(
                Mistake(
                    "a run saved from another scenario or version",
                    str(path),
                    allowed="the scenario it was saved from, with nothing in it changed",
                    mend="run the scenario anew, or resume with the one it was saved from",
                )
            )
        for name, now in arrays.items():
            now[...] = saved[name]
        run._events = [events] if len(events) else []
        return run


def _coin(book: Book, price: Floats | None = None) -> Floats:
    """Shape (m,): USD price of each account's settlement currency; ``price`` by position."""
    inverse = book.inverse()
    coin = np.ones(len(book.accounts))
    at = book.positions.mark if price is None else price
    coin[book.positions.account[inverse]] = at[inverse]
    return coin
