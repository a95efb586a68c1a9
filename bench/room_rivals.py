"""The room's Overview and Map as a Dash and as a Streamlit page, of the same recording.

``python -m bench.room_rivals dash PORT`` serves the one; ``streamlit run bench/room_rivals.py`` the
other. Both show what Seawall's pages show, with their own means: figures, bars by minute, venues,
the last hundred closings; candles over the map and closings as dots.
"""

from __future__ import annotations

import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from seawall.app.serve_command import figures  # noqa: E402
from seawall.room.replay import Recording, event_of  # noqa: E402

BEGIN, PACE = 12_000.0, 20.0
OPENED = time.monotonic()


@cache
def recording() -> Recording:
    return Recording.embedded()


def second() -> float:
    """Second of the recording that is shown; the same clock as the room's."""
    return BEGIN + (time.monotonic() - OPENED) * PACE


@cache
def counted(moment: int) -> Any:
    """Statistics up to a moment, made once for all who ask, as in the room."""
    known = recording()
    end = known.start + moment * 1_000_000_000
    shown = known.tape.take(slice(0, known.rows(-1.0, float(moment)).stop))
    return figures(shown, known.start, end).payload


def last_events(count: int = 100) -> list[dict[str, Any]]:
    known = recording()
    end = known.rows(-1.0, second()).stop
    return [event_of(known.tape, k) for k in range(end - 1, max(0, end - count) - 1, -1)]


def overview() -> tuple[dict[str, Any], Any, list[dict[str, Any]], list[dict[str, Any]]]:
    """Figures, the bars by minute, venues and the tape."""
    import plotly.graph_objects as go

    found = counted(40 * int(second() // 40))
    minutes = found["by_minute"]
    bars = go.Figure([
        go.Bar(x=[m["time"] for m in minutes], y=[m["long_usd"] for m in minutes], name="longs"),
        go.Bar(x=[m["time"] for m in minutes], y=[-m["short_usd"] for m in minutes], name="shorts"),
    ])  # fmt: skip
    bars.update_layout(barmode="relative", template="plotly_dark", height=300)
    tiles = {
        "Liquidated": f"${found['notional_usd'] / 1e6:,.1f} M",
        "Liquidations": f"{found['events']:,}",
        "Longs": f"{found['long_usd'] / max(found['notional_usd'], 1):.1%}",
        "Largest": f"${found['largest']['notional_usd'] / 1e6:,.2f} M",
        "Three largest venues": f"{found['top3_share']:.1%}",
    }
    venues = [{k: v[k] for k in ("venue", "notional_usd", "share")} for v in found["by_venue"]]
    return tiles, bars, venues, last_events()


def heat(asset: str = "BTC") -> Any:
    """Candles over the map through time, closings as dots."""
    import numpy as np
    import plotly.graph_objects as go

    drawn, until = recording().drawing(asset), second()
    shown = drawn.seconds <= until
    candles = np.array(drawn.candles(until))
    prices = np.linspace(drawn.low, drawn.high, drawn.shades.shape[1])
    tape = recording().tape
    rows = np.arange(recording().rows(-1.0, until).stop)
    rows = rows[tape.asset[rows] == tape.assets.index(asset)]
    figure = go.Figure([
        go.Heatmap(x=drawn.seconds[shown], y=prices, z=drawn.shades[shown].T, showscale=False),
        go.Candlestick(x=candles[:, 0], open=candles[:, 1], high=candles[:, 2], low=candles[:, 3],
                       close=candles[:, 4]),
        go.Scattergl(x=recording().seconds[rows], y=tape.price[rows], mode="markers"),
    ])  # fmt: skip
    figure.update_layout(template="plotly_dark", height=640, xaxis_rangeslider_visible=False)
    return figure


def dash_app() -> Any:
    from dash import Dash, Input, Output, dash_table, dcc, html

    app = Dash("rival", title="rival")
    pages = {
        "/overview": html.Div([
            html.Div(id="tiles"), dcc.Graph(id="bars"), dash_table.DataTable(id="venues"),
            dash_table.DataTable(id="tape", page_size=100), dcc.Interval(id="tick", interval=2000),
        ]),
        "/map": dcc.Graph(id="heat", figure={}, config={"scrollZoom": True}),
    }  # fmt: skip
    app.layout = html.Div([dcc.Location(id="where"), html.Div(id="page")])
    app.config.suppress_callback_exceptions = True

    @app.callback(Output("page", "children"), Input("where", "pathname"))
    def page(path: str | None) -> Any:
        if path == "/map":
            return dcc.Graph(id="heat", figure=heat(), config={"scrollZoom": True})
        return pages["/overview"]

    @app.callback(
        Output("tiles", "children"), Output("bars", "figure"), Output("venues", "data"),
        Output("tape", "data"), Input("tick", "n_intervals"),
    )  # fmt: skip
    def tick(_: int | None) -> Any:
        tiles, bars, venues, tape = overview()
        shown = [html.Div([html.B(v), html.Span(k)], className="tile") for k, v in tiles.items()]
        return shown, bars, venues, tape

    return app


def streamlit_page() -> None:
    import streamlit as st

    st.set_page_config(layout="wide")

    @st.fragment(run_every=2)
    def live() -> None:
        tiles, bars, venues, tape = overview()
        for column, (name, figure) in zip(st.columns(len(tiles)), tiles.items(), strict=True):
            column.metric(name, figure)
        st.plotly_chart(bars, key="bars")
        st.dataframe(venues)
        st.dataframe(tape)

    if st.query_params.get("page") == "map":
        st.plotly_chart(heat(), key="heat", config={"scrollZoom": True})
    else:
        live()


def main() -> None:
    """Serve one of them."""
    if sys.argv[1:2] == ["dash"]:
        dash_app().run(host="127.0.0.1", port=int(sys.argv[2]), debug=False)
    else:
        streamlit_page()


if __name__ == "__main__":
    main()
