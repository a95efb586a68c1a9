"""OKX: isolated prices one tick toward the mark, fee in the ratio, equity over maintenance."""

from __future__ import annotations

import random
from collections.abc import Iterator

from siblings.shape import SIDES, Vector, draw, vector


def okx(rng: random.Random, side: str) -> Iterator[Vector]:
    d, s = draw(rng), SIDES[side]
    mmr, fee, p = d["mmr"], d["fee"], d["p"]
    tick, face = d["ep"] * 1e-5, rng.choice((0.01, 0.1, 1.0, 10.0, 100.0))
    for inverse in (False, True):
        q = d["q"] * face
        value_at = (lambda x: q / x) if inverse else (lambda x: q * x)  # noqa: B023
        margin = value_at(d["ep"]) / d["lev"]
        mm = value_at(p) * mmr
        for mode, e, p0 in (("isolated", margin, d["ep"]), ("cross", margin * 0.7, p)):
            if inverse:
                coin = q / p0 + s * e
                # a short that is margined in full never falls
                never = coin <= 1e-12 * e
                liq = -1.0 if never else q * (1 + s * (mmr + fee)) / coin
                pnl = s * (q / d["ep"] - q / p)
            else:
                liq = (q * p0 - s * e) / (q * (1 - s * (mmr + fee)))
                pnl = s * q * (p - d["ep"])
            equity = e + pnl if mode == "isolated" else e
            ratio = equity / (mm + fee * value_at(p))
            shown = liq + s * tick if mode == "isolated" and liq > 0 else liq
            inputs = {
                "contract_type": "inverse" if inverse else "linear",
                "margin_mode": mode,
                "side": side,
                "quantity": d["q"],
                "contract_size": face,
                "entry_price": d["ep"],
                "mark_price": p,
                "leverage": str(d["lev"]),
                "maintenance_margin_rate": mmr,
                "maintenance_amount": 0,
            }
            known = {"symbol": "ETH-USD-SWAP" if inverse else "ETH-USDT-SWAP", "taker_fee": fee}
            figures = {
                "liquidation_price": shown,
                "maintenance_margin": mm,
                "margin_ratio": ratio,
                "unrealized_pnl": pnl,
            }
            yield vector(
                f"{inputs['contract_type']}-{mode}",
                "okx",
                figures,
                collateral=e,
                extra={**known, "tick": tick, "margin_ratio": ratio},
                **inputs,
            )
            yield vector(
                f"{inputs['contract_type']}-{mode}-without-tick",
                "okx",
                {"liquidation_price": liq},
                collateral=e,
                extra=known,
                **inputs,
            )
            if mode == "cross":
                yield vector(
                    f"{inputs['contract_type']}-equity-from-ratio",
                    "okx",
                    {"liquidation_price": liq},
                    extra={**known, "margin_ratio": ratio},
                    **inputs,
                )
