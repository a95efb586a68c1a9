from __future__ import annotations

import numpy as np
import pytest

from seawall.report import (
    Assumption,
    Chart,
    ChartKind,
    Column,
    Headline,
    Kind,
    Report,
    Section,
    Series,
    Table,
    Tone,
    Unit,
)


@pytest.fixture
def accounts() -> Table:
    return Table(
        "accounts",
        "Accounts",
        (
            Column("account", "Account", brief=True),
            Column("notional_usd", "Notional", Unit.USD, brief=True),
            Column("distance", "Distance", Unit.FRACTION),
            Column("seen", "Seen", Unit.TIME),
            Column("cross", "Cross"),
        ),
        (
            ("alice", 1.5e6, -0.1, 1_763_683_199_000_000_000, True),
            ('b"ob, jr', float("nan"), None, 0, False),
            (
                "<script>alert(1)</script>",
                np.float64(0.1) + 0.2,
                np.float32(0.5),
                0,
                np.bool_(True),
            ),
        ),
        main=True,
        total=10,
        caption="All of them.",
    )


@pytest.fixture
def report(accounts: Table) -> Report:
    x = np.linspace(80_000.0, 90_000.0, 11)
    chart = Chart(
        "map",
        "The map </script><b>",
        ChartKind.PROFILE,
        "Price",
        Unit.PRICE,
        "Notional",
        Unit.USD,
        (Series("Longs", x, np.where(x < 85_000, 1e6, np.nan), Tone.LONG),),
    )
    return Report(
        schema="seawall.test/1",
        title="A & B",
        question="What if?",
        answer=("It falls.", "It stops at 79,000."),
        headlines=(
            Headline("forced_usd", "Forced", 36.8e6, Unit.USD, Kind.MODELLED, 3e7, 5e7, "of all"),
            Headline("rows", "Rows", 3, Unit.COUNT),
        ),
        tables=(
            Table("small", "Small", (Column("k", "K", Unit.COUNT),), ((1,),)),
            accounts,
        ),
        charts=(chart,),
        assumptions=(Assumption("Depth is 1%.", "a study"), Assumption("Par.")),
        warnings=("One row set aside.",),
        inputs={"Source": "book.csv", "Rows": 1234, "Digest": "ab12"},
        payload={"total": {"forced_usd": 36.8e6, "missing": float("nan")}},
        sections=(Section("Where", ("map",), "Over price."),),
    )
