"""A report of realistic size and shape, made up from a seed: no market data in it."""

from __future__ import annotations

import numpy as np

from seawall.report import (
    Assumption,
    Band,
    Chart,
    ChartKind,
    Column,
    Headline,
    Kind,
    Marker,
    Report,
    Section,
    Series,
    Shape,
    Table,
    Tone,
    Unit,
)

MARK = 86_600.0
HOSTILE = "<script>throw new Error('escaped')</script>"


def _map_chart(rng: np.random.Generator) -> Chart:
    price = np.linspace(69_250.0, 103_950.0, 300)

    def hump(centre: float, width: float, height: float) -> np.ndarray:
        return height * np.exp(-(((price - centre) / width) ** 2))

    noise = rng.gamma(0.7, 9e6, size=(2, 300))
    longs = hump(82_100, 700, 1.9e8) + hump(78_000, 1_200, 7e7) + hump(84_900, 260, 8e7) + noise[0]
    shorts = hump(95_000, 320, 2.6e8) + hump(89_800, 800, 5e7) + hump(91_600, 400, 7e7) + noise[1]
    longs[price > MARK] = 0.0
    shorts[price < MARK] = 0.0
    near = np.abs(price - MARK) < 900
    longs[near] *= 0.1
    shorts[near] *= 0.1
    return Chart(
        key="map",
        title="BTC: notional forced at each price",
        kind=ChartKind.PROFILE,
        x_title="BTC price",
        x_unit=Unit.PRICE,
        y_title="Forced notional per bin",
        y_unit=Unit.USD,
        series=(
            Series("Longs", price, longs, Tone.LONG),
            Series("Shorts", price, shorts, Tone.SHORT),
            Series(
                "Longs, summed from the mark",
                price,
                _summed(longs, -1),
                Tone.LONG,
                Shape.LINE,
                second=True,
            ),
            Series(
                "Shorts, summed from the mark",
                price,
                _summed(shorts, 1),
                Tone.SHORT,
                Shape.LINE,
                second=True,
            ),
        ),
        marks=(
            Marker(MARK, "Mark 86,600", Tone.PRICE),
            Marker(
                82_100, "82,100", Tone.LONG, 80_900, 83_300, "$1.96 bn of longs, 5.2% below, 1.9 σ"
            ),
            Marker(
                78_000, "78,000", Tone.LONG, 76_400, 79_500, "$1.24 bn of longs, 9.9% below, 3.6 σ"
            ),
            Marker(
                84_900, "84,900", Tone.LONG, 84_500, 85_300, "$370 M of longs, 2.0% below, 0.7 σ"
            ),
            Marker(
                91_600, "91,600", Tone.SHORT, 91_000, 92_200, "$510 M of shorts, 5.8% above, 2.1 σ"
            ),
            Marker(
                95_000,
                "95,000",
                Tone.SHORT,
                94_500,
                95_500,
                "$1.59 bn of shorts, 9.7% above, 3.5 σ",
            ),
        ),
        y2_title="Summed from the mark",
        y2_unit=Unit.USD,
        caption="Bins of 116 USD. A cluster is a peak and the extent over which the bars stay "
        "above half of it.",
    )


def _summed(bars: np.ndarray, direction: int) -> np.ndarray:
    total = np.cumsum(bars[::direction])[::direction]
    return np.where(bars > 0, total, np.nan)


def _rounds_chart() -> Chart:
    number = np.arange(1, 13)
    forced = 5.4e8 * 0.71 ** (number - 1.0)
    price = 77_940 - np.concatenate([[0.0], np.cumsum(forced)]) * 1.1e-6
    return Chart(
        key="rounds",
        title="The cascade, round by round",
        kind=ChartKind.ROUNDS,
        x_title="Round",
        x_unit=Unit.COUNT,
        y_title="Forced notional",
        y_unit=Unit.USD,
        series=(
            Series("Longs", number, forced * 0.93, Tone.LONG),
            Series("Shorts", number, forced * 0.07, Tone.SHORT),
            Series("BTC price", np.arange(13), price, Tone.PRICE, second=True),
        ),
        y2_title="BTC price",
        y2_unit=Unit.PRICE,
        caption="Round 0 is the shock itself.",
    )


def _ladder_chart() -> Chart:
    shock = -np.arange(1, 61) / 100
    forced = 9.2e9 / (1 + np.exp(-(np.abs(shock) - 0.17) / 0.05)) - 2.9e8
    return Chart(
        key="ladder",
        title="Forced notional over the size of the shock",
        kind=ChartKind.LADDER,
        x_title="Shock to BTC",
        x_unit=Unit.FRACTION,
        y_title="Forced notional",
        y_unit=Unit.USD,
        series=(
            Series("With impact", shock, forced, Tone.ACCENT),
            Series("From the shock alone", shock, forced * 0.55, Tone.MUTED, Shape.DASHED),
        ),
        band=Band(shock, forced * 0.72, forced * 1.33),
        marks=(Marker(-0.1, "asked: -10%", Tone.PRICE), Marker(-0.236, "fund empty", Tone.LOSS)),
    )


def _curve_chart(rng: np.random.Generator) -> Chart:
    size = np.sort(rng.pareto(1.2, 2_000) + 1)
    share = np.concatenate([[0.0], np.cumsum(size) / size.sum()])
    people = np.linspace(0, 1, len(share))
    keep = np.unique(np.concatenate([np.arange(0, 2001, 20), np.arange(1900, 2001)]))
    return Chart(
        key="concentration",
        title="Concentration of open notional",
        kind=ChartKind.CURVE,
        x_title="Share of accounts, smallest first",
        x_unit=Unit.FRACTION,
        y_title="Share of notional",
        y_unit=Unit.FRACTION,
        series=(
            Series("BTC", people[keep], share[keep], Tone.ACCENT),
            Series("ETH", people[keep], share[keep] ** 0.8, Tone.SHORT),
            Series("Equal shares", [0.0, 1.0], [0.0, 1.0], Tone.MUTED, Shape.DASHED),
        ),
    )


def _loss_chart() -> Chart:
    return Chart(
        key="losses",
        title="Who pays for the losses beyond collateral",
        kind=ChartKind.BARS,
        x_title="",
        x_unit=Unit.TEXT,
        y_title="USD",
        y_unit=Unit.USD,
        series=(
            Series(
                "Loss",
                [
                    "Loss beyond collateral",
                    "Surplus of other liquidations",
                    "Insurance fund",
                    "Auto-deleveraging",
                    "Socialised loss",
                    "Bad debt left",
                ],
                [1.42e8, -3.1e7, -7.4e7, -2.6e7, 0.0, np.nan],
                Tone.LOSS,
            ),
        ),
        steps=True,
        caption="Negative steps absorb the loss.",
    )


def _venue_chart() -> Chart:
    venues = ["Bybit", "Hyperliquid", "Binance USD-M", "HTX", "OKX"]
    return Chart(
        key="venues",
        title="Forced notional by venue",
        kind=ChartKind.BARS,
        x_title="",
        x_unit=Unit.TEXT,
        y_title="Forced notional",
        y_unit=Unit.USD,
        series=(
            Series("Longs", venues, [5.97e8, 6.2e8, 2.28e8, 1.46e8, 1.14e8], Tone.LONG),
            Series("Shorts", venues, [3.2e7, 8e6, 5.4e7, 6e6, 2.5e7], Tone.SHORT),
        ),
    )


def _tables(rng: np.random.Generator) -> tuple[Table, ...]:
    rows = []
    for k in range(200):
        side = "long" if k % 3 else "short"
        rows.append(
            (
                k + 1,
                HOSTILE if k == 3 else f"0x{rng.integers(1 << 40):010x}",
                ["hyperliquid", "bybit", "binance_usdm", "okx"][k % 4],
                ["BTCUSDT", "ETHUSDT", "SOLUSDT"][k % 3],
                side,
                float(5.2e8 / (k + 1) ** 1.1),
                float(rng.uniform(2, 60)),
                float("nan") if k % 17 == 5 else float(rng.uniform(60_000, 110_000)),
                None if k % 17 == 5 else float(rng.uniform(-0.4, 0.4)),
                float(rng.uniform(0.2, 9)),
                k % 5 == 0,
            )
        )
    accounts = Table(
        "accounts",
        "Largest accounts that fall",
        (
            Column("row", "Row", Unit.COUNT),
            Column("account", "Account", brief=True),
            Column("venue", "Venue"),
            Column("instrument", "Instrument", brief=True),
            Column("side", "Side", brief=True),
            Column("notional_usd", "Notional", Unit.USD, brief=True),
            Column("leverage", "Leverage", Unit.FACTOR),
            Column(
                "liquidation_price",
                "Liquidation price",
                Unit.PRICE,
                brief=True,
                note="The mark price at which equity meets the maintenance margin.",
            ),
            Column("distance", "Distance", Unit.FRACTION, brief=True),
            Column("distance_sigma", "In daily sigmas", Unit.SIGMA),
            Column("cross", "Cross", Unit.TEXT),
        ),
        rows,
        main=True,
        total=23_671,
        caption="Distance is from the mark price to the liquidation price.",
    )
    clusters = Table.of_columns(
        "clusters",
        "Clusters",
        {
            Column("peak", "Peak", Unit.PRICE): np.array(
                [95_000.0, 91_600, 84_900, 82_100, 78_000]
            ),
            Column("side", "Side"): ["shorts", "shorts", "longs", "longs", "longs"],
            Column("notional_usd", "Notional", Unit.USD): [1.59e9, 5.1e8, 3.7e8, 1.96e9, 1.24e9],
            Column("distance", "Distance", Unit.FRACTION): [0.097, 0.058, -0.02, -0.052, -0.099],
            Column("sigma", "Distance in daily sigmas", Unit.SIGMA): [3.5, 2.1, -0.7, -1.9, -3.6],
        },
        caption="A cluster is a peak and the extent over which the bars stay above half of it.",
    )
    return clusters, accounts


def sample_report(seed: int = 7) -> Report:
    """The report: every kind of chart, 200 rows, a hostile account name."""
    rng = np.random.default_rng(seed)
    figures = (
        Headline(
            "price_final",
            "BTC price at rest",
            75_893.5,
            Unit.PRICE,
            Kind.MODELLED,
            74_120.0,
            77_310.0,
            "after the shock 77,940",
        ),
        Headline(
            "forced_notional_usd",
            "Forced notional",
            1.83e9,
            Unit.USD,
            Kind.MODELLED,
            1.32e9,
            2.43e9,
            "first round $540 M",
        ),
        Headline(
            "accounts_liquidated",
            "Accounts liquidated",
            23_671,
            Unit.COUNT,
            Kind.MODELLED,
            18_204,
            29_960,
            "of 500,000",
        ),
        Headline(
            "cascade_multiplier", "Cascade multiplier", 3.39, Unit.FACTOR, Kind.MODELLED, 2.61, 4.12
        ),
        Headline(
            "fund_after_usd",
            "Insurance funds left",
            2.86e8,
            Unit.USD,
            Kind.MODELLED,
            2.31e8,
            3.12e8,
            "before $360 M",
        ),
        Headline("bad_debt_usd", "Bad debt", 1.1e7, Unit.USD, Kind.MODELLED, 0.0, 2.9e7),
        Headline(
            "open_interest_usd", "Open notional in the book", 1.214e10, Unit.USD, Kind.MEASURED
        ),
        Headline(
            "adl_notional_usd", "Auto-deleveraged notional", 2.6e7, Unit.USD, Kind.LOWER_BOUND
        ),
    )
    clusters, accounts = _tables(rng)
    return Report(
        schema="seawall.stress/1",
        title="Stress: BTC -10%",
        question="What does a fall of BTC by 10% do to this book and to the venues' funds?",
        answer=(
            "BTC comes to rest at 75,893.5, 2.63% below the shocked price of 77,940.",
            "$1.83 bn is liquidated in 12 rounds, 3.39 times what the shock alone would force; "
            "23,671 accounts fall and 93% of the notional is long.",
            "The insurance funds pay $74.0 M and keep $286 M; $11.0 M of loss is left over.",
        ),
        headlines=figures,
        tables=(clusters, accounts),
        charts=(
            _map_chart(rng),
            _rounds_chart(),
            _ladder_chart(),
            _curve_chart(rng),
            _loss_chart(),
            _venue_chart(),
        ),
        assumptions=(
            Assumption(
                "Impact: log price moves by 1% x (flow / depth)^0.5; depth is the USD "
                "resting within 1% of mid.",
                "Kaiko depth panel, November 2025",
            ),
            Assumption(
                "Accounts at or below maintenance are closed in full at the mark of their round."
            ),
            Assumption("USDT and USDC are taken at par.", "docs/glossary.md"),
        ),
        warnings=(
            "14 rows were set aside: 9 without a mark price, 5 with an unknown venue.",
            "HTX has no schedule of its own here and is judged by the generic one.",
        ),
        inputs={
            "Source": "positions.parquet",
            "As of": "2025-11-20T23:59:59Z",
            "Rows": 500_000,
            "Rules": "binance_usdm 2025-09-01, bybit 2025-10-14, hyperliquid 2025-08-30",
            "Depth": "BTC $250 M, ETH $140 M",
            "Digest": "9f2c41d07be1a7d8c3f5069be2a1744ed01f35b7c8f4d3a90f16a9127e5c0b3d",
        },
        payload={"totals": {"forced_notional_usd": 1.83e9, "bad_debt_usd": float("nan")}},
        sections=(
            Section(
                "Where liquidations sit",
                ("map", "clusters"),
                "Notional that would be forced at each price, longs and shorts apart.",
            ),
            Section("How the shock travels", ("rounds", "ladder")),
            Section("Who holds it and who pays", ("concentration", "losses", "venues")),
        ),
    )
