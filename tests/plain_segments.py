"""Segments of a few companies, and their industry shares by plain loops over the source's rows."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
from scipy.optimize import nnls

INDUSTRIES = ("banks", "chips", "drugs", "oil", "retail", "rail", "steel")
MAX_AGE = 550


def generate_segments(assets: list[str], first: date, quarters: int = 4, seed: int = 0) -> pd.DataFrame:
    """Quarterly records of companies in one to seven industries, known 20 to 50 days after their period; some figures missing."""
    rng = np.random.default_rng(seed)
    rows = []
    for asset in assets:
        chosen = rng.choice(INDUSTRIES, rng.integers(1, 8), replace=False)
        for quarter in range(quarters):
            ended = first + timedelta(days=91 * quarter)
            known = ended + timedelta(days=int(rng.integers(20, 51)))
            figures = rng.lognormal(3, 1, (len(chosen), 2))
            rows += [(asset, name, known, ended, *pair) for name, pair in zip(chosen, figures, strict=True)]
    frame = pd.DataFrame(rows, columns=["asset_id", "industry", "known_at", "period_end", "assets", "sales"])
    for column in ("assets", "sales"):
        frame.loc[rng.random(len(frame)) < 0.03, column] = np.nan
    return frame


def plain_shares(segments: pd.DataFrame, day: date, prices: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Share by company and industry on a day.

    Args:
        segments: asset_id, industry, known_at, period_end, assets, sales.
        day: at whose close.
        prices: of the day: asset_id, cap, in_estimation.
    """
    known = segments[(segments["known_at"] <= day) & segments["asset_id"].isin(prices["asset_id"])]
    held = {}
    for asset, rows in known.groupby("asset_id"):
        newest = rows[rows["period_end"] == rows["period_end"].max()]
        if (day - newest["known_at"].max()).days <= MAX_AGE:
            last = newest.sort_values("known_at").groupby("industry").tail(1)
            held[asset] = last[last["assets"].notna() | last["sales"].notna()].set_index("industry")
    industries = sorted({industry for rows in held.values() for industry in rows.index})
    sides = [_side(held, prices, industries, column) for column in ("assets", "sales")]
    found = {}
    for asset in held:
        from_assets, from_sales = (side.get(asset) for side in sides)
        if from_assets is None and from_sales is None:
            continue
        blend = from_sales if from_assets is None else from_assets if from_sales is None else 0.75 * from_assets + 0.25 * from_sales
        largest = sorted(range(len(industries)), key=lambda k: (-blend[k], k))[:5]
        found |= {(asset, industries[k]): blend[k] / sum(blend[largest]) for k in largest if blend[k] > 0}
    return found


def _side(held, prices, industries, column):
    """Shares from assets or from sales, of the companies of which all of them are known."""
    figures = {asset: rows[column].reindex(industries) for asset, rows in held.items() if len(rows) and rows[column].notna().all()}
    figures = {asset: values.fillna(0.0).to_numpy() for asset, values in figures.items() if values.sum() > 0}
    of_day = prices.set_index("asset_id")
    fitted = [asset for asset in figures if of_day.loc[asset, "in_estimation"] and of_day.loc[asset, "cap"] > 0]
    if fitted:
        worth = nnls(np.array([figures[asset] for asset in fitted]), of_day.loc[fitted, "cap"].to_numpy(float))[0]
    else:
        worth = np.zeros(len(industries))
    shares = {}
    for asset, values in figures.items():
        priced = values * worth if (values * worth).sum() > 0 else values
        shares[asset] = priced / priced.sum()
    return shares
