"""A small book on disk, and the command run in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from seawall.app import cli

BOOK = """\
account,venue,instrument,side,quantity,entry_price,mark_price,margin_mode,leverage,collateral,wallet_balance
ann,binance,BTCUSDT,long,2.5,92000,86600,isolated,10,23000,
bob,hyperliquid,BTC,short,40,88000,86600,cross,20,,400000
bob,hyperliquid,ETH,long,100,2900,2830,cross,20,,
cem,bybit,ETHUSDT,long,300,2900,2830,isolated,5,174000,
dee,okx,BTC-USDT-SWAP,long,1500,90000,86600,isolated,8,170000,
"""


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "book.csv"
    path.write_text(BOOK)
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command line in this process: its exit code, what it printed, what it said."""
    monkeypatch.setenv("COLUMNS", "100")

    def command(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = cli.run([str(a) for a in arguments])
        said = capsys.readouterr()
        return Outcome(code, said.out, said.err)

    return command
