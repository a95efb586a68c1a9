"""What an imported event covers: what its venue's feed did on that day."""

from __future__ import annotations

import pytest

from made_files import write_file
from seawall.core.tape import Coverage
from seawall.ingest.history import read_history

TARDIS = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
BEGUN = 1_740_009_600_000_000
"""2025-02-20, the day from which Bybit shows all liquidations, UTC µs."""


@pytest.mark.parametrize(
    ("time", "coverage"),
    [
        (1_722_816_000_123_000, Coverage.ONE_A_SLOT),  # 2024-08-05
        (BEGUN - 1, Coverage.ONE_A_SLOT),
        (BEGUN, Coverage.ALL),
    ],
)
def test_bybit_showed_one_a_second_until_its_stream_of_all(tmp_path, time, coverage):
    row = f"bybit,BTCUSDT,{time},{time},,sell,54000,0.5\n"
    found = read_history(write_file(tmp_path, "bybit_liquidations.csv", TARDIS + row)).tape
    assert found is not None
    assert found.coverage.tolist() == [coverage]
    assert not found.at_fill.any()
