"""The data of the worked examples, from their seeds. Run as a script it writes conf/data again.

RandomState is numpy's frozen generator: its numbers are the same in every release.
"""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).parents[2] / "conf" / "data"

HOMES = ["US1", "US2", "US3", "US4", "US5", "CH1", "CH2", "DE1", "DE2", "GB1", "JP1", "JP2"]
MOVES = "CH1"  # its seat goes to the USA half-way
COUNTRIES = np.array(["Chile", "Germany", "Japan", "USA"])
STOCKS = ["ASH", "ELM", "OAK", "YEW"]


def country_usa() -> pd.DataFrame:
    """Twelve stocks, thirteen months: r(t) = market + US factor x share of revenue at t-1 + noise."""
    draw = np.random.RandomState(20)
    days = pd.date_range("2022-12-31", periods=13, freq="ME")
    american = np.array([home.startswith("US") for home in HOMES])
    share = np.where(american, draw.uniform(0.4, 1.0, 12), draw.uniform(0.0, 0.5, 12)).round(2)
    share[HOMES.index("US1")], share[HOMES.index("JP2")] = 1.0, 0.0
    caps = np.exp(draw.normal(3.0, 1.0, 12))
    rows = []
    known = share
    for month, day in enumerate(days):
        ret = 0.01 * draw.randn() + 0.02 * draw.randn() * known + 0.03 * draw.randn(12)
        if month == 6:
            share = np.clip(share + draw.uniform(-0.1, 0.1, 12), 0.0, 1.0).round(2)
            american = american | (np.array(HOMES) == MOVES)
        caps = caps * (1 + ret)
        known = share
        shown = [f"{r:.4f}" if month else "" for r in ret]  # nothing is known before the first month
        rows += zip([day.date()] * 12, HOMES, shown, caps.round(2), american.astype(int), known, strict=True)
    return pd.DataFrame(rows, columns=["date", "asset_id", "ret", "cap", "usa", "usa_share"])


def country_revenues() -> dict[str, pd.DataFrame]:
    """Thirty companies, twenty-five months, four countries: r(t) = market + US factor x share of revenue known at t-1 + noise."""
    draw = np.random.RandomState(29)
    days = [day.date() for day in pd.date_range("2021-12-31", periods=25, freq="ME")]
    companies = [f"C{number:02d}" for number in range(1, 31)]
    homes = np.array(["USA"] * 12 + ["Germany"] * 7 + ["Japan"] * 7 + ["Chile"] * 4)
    at_home = draw.uniform(0.25, 0.95, 30)
    revenues, known = [], {}
    for year in (2020, 2021, 2022):
        at_home = np.clip(at_home + draw.uniform(-0.08, 0.08, 30), 0.1, 1.0)
        total = np.exp(draw.normal(7.0, 1.0, 30))
        for n, company in enumerate(companies):
            published = date(year + 1, 2, 1) + timedelta(days=int(draw.randint(0, 80)))
            abroad = draw.dirichlet(np.ones(3))
            shares = {homes[n]: at_home[n], **dict(zip(COUNTRIES[homes[n] != COUNTRIES], (1 - at_home[n]) * abroad, strict=True))}
            stated = {country: float(round(total[n] * share, 1)) for country, share in shares.items()}
            revenues += [(company, country, f"{year}-12-31", published, revenue) for country, revenue in stated.items()]
            known[company, published] = stated["USA"] / sum(stated.values())
    caps, share, panel = np.exp(draw.normal(8.0, 1.0, 30)), np.zeros(30), []
    for month, day in enumerate(days):
        ret = 0.006 + 0.03 * draw.randn() + 0.06 * draw.randn() * share + 0.04 * draw.randn(30)
        caps = caps * (1 + ret)
        shown = [f"{r:.4f}" if month else "" for r in ret]  # nothing is known before the first month
        panel += zip([day] * 30, companies, shown, caps.round(1), homes, strict=True)
        newest = {company: max(when for of, when in known if of == company and when <= day) for company in companies}
        share = np.array([known[company, newest[company]] for company in companies])
    return {
        "country_panel": pd.DataFrame(panel, columns=["date", "asset_id", "ret", "cap", "domicile"]),
        "country_revenues": pd.DataFrame(revenues, columns=["asset_id", "country", "period_end", "known_at", "revenue"]),
    }


def litterman() -> dict[str, pd.DataFrame]:
    """Four stocks, two factors, sixty-one months: returns, exposures, risk-free rates and the true factor returns apart."""
    draw = np.random.RandomState(2003)
    days = [day.date() for day in pd.date_range("2018-12-31", periods=61, freq="ME")]
    beta, value = np.array([0.7, 0.9, 1.1, 1.4]), np.array([1.2, -0.8, 0.5, -1.1])
    caps = np.array([120.0, 45.0, 80.0, 20.0])
    rate = 0.002
    returns, exposures, rates, factor_returns = [], [], [], []
    for day in days:
        f = np.array([0.006, 0.002]) + np.array([0.045, 0.02]) * draw.randn(2)
        ret = rate + beta * f[0] + value * f[1] + np.array([0.03, 0.05, 0.04, 0.06]) * draw.randn(4)
        returns += zip([day] * 4, STOCKS, [f"{r:.4f}" for r in ret], strict=True)
        rates.append((day, f"{rate:.5f}"))
        factor_returns += zip([day] * 2, ["beta", "value"], [f"{x:.5f}" for x in f], strict=True)
        beta = (0.95 * beta + 0.05 + 0.05 * draw.randn(4)).round(3)
        value = (0.98 * value + 0.10 * draw.randn(4)).round(3)
        caps = caps * (1 + ret)
        rate = max(0.0, rate + 0.0003 * draw.randn())  # of the next month, so that it differs from date to date
        exposures += zip([day] * 4, STOCKS, caps.round(2), beta, value, strict=True)
    return {
        "litterman_returns": pd.DataFrame(returns, columns=["date", "asset_id", "ret"]),
        "litterman_exposures": pd.DataFrame(exposures, columns=["date", "asset_id", "cap", "beta", "value"]),
        "litterman_rates": pd.DataFrame(rates, columns=["date", "rate"]),
        "litterman_factor_returns": pd.DataFrame(factor_returns, columns=["date", "factor", "value"]),
    }


def files() -> dict[str, str]:
    """The text of every file of conf/data, by name."""
    frames = {"country_usa": country_usa(), **country_revenues(), **litterman()}
    return {f"{name}.csv": frame.to_csv(index=False, lineterminator="\n") for name, frame in frames.items()}


if __name__ == "__main__":
    for name, text in files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
