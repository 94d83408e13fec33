"""Revenues of a few companies by country, and the shares that they make by plain loops over the source's rows."""

from datetime import date, timedelta

import numpy as np
import pandas as pd

COUNTRIES = ("Chile", "Japan", "USA")


def generate_revenues(assets: list[str], first: date, periods: int = 3, seed: int = 0) -> pd.DataFrame:
    """Records of companies in one to three countries, known 20 to 50 days after their period; some withdrawn, some 0."""
    rng = np.random.default_rng(seed)
    rows = []
    for asset in assets:
        chosen = rng.choice(COUNTRIES, rng.integers(1, 4), replace=False)
        for period in range(periods):
            ended = first + timedelta(days=91 * period)
            known = ended + timedelta(days=int(rng.integers(20, 51)))
            rows += [(asset, country, ended, known, float(rng.lognormal(3, 1))) for country in chosen]
    frame = pd.DataFrame(rows, columns=["asset_id", "country", "period_end", "known_at", "revenue"])
    frame.loc[rng.random(len(frame)) < 0.05, "revenue"] = 0.0
    again = frame.sample(frac=0.1, random_state=seed)
    late = pd.Series([day + timedelta(days=9) for day in again["known_at"]], again.index, dtype=object)
    withdrawn = again.assign(known_at=late, revenue=np.where(rng.random(len(again)) < 0.5, np.nan, 50.0))
    return pd.concat([frame, withdrawn], ignore_index=True)


def plain_revenue_shares(revenues: pd.DataFrame, day: date, max_age: int = 550) -> dict[tuple[str, str], float]:
    """Share by company and country at the close of a day, those above 0."""
    found = {}
    for asset in sorted(set(revenues["asset_id"])):
        known = [row for row in revenues.itertuples() if row.asset_id == asset and row.known_at <= day]
        newest = [row for row in known if row.period_end == max(row.period_end for row in known)]
        if not newest or (day - max(row.known_at for row in newest)).days > max_age:
            continue
        stated = {row.country: row.revenue for row in sorted(newest, key=lambda row: row.known_at)}
        total = sum(value for value in stated.values() if value == value)  # noqa: PLR0124 - NaN
        found |= {(asset, country): value / total for country, value in stated.items() if value > 0}
    return found
