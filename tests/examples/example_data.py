"""The data of the worked examples, from their seeds. Run as a script it writes conf/data again.

RandomState is numpy's frozen generator: its numbers are the same in every release.
"""

from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).parents[2] / "conf" / "data"

HOMES = ["US1", "US2", "US3", "US4", "US5", "CH1", "CH2", "DE1", "DE2", "GB1", "JP1", "JP2"]
MOVES = "CH1"  # its seat goes to the USA half-way
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


def litterman() -> dict[str, pd.DataFrame]:
    """Four stocks, two factors, sixty-one months: returns, exposures and risk-free rates apart."""
    draw = np.random.RandomState(2003)
    days = [day.date() for day in pd.date_range("2018-12-31", periods=61, freq="ME")]
    beta, value = np.array([0.7, 0.9, 1.1, 1.4]), np.array([1.2, -0.8, 0.5, -1.1])
    caps = np.array([120.0, 45.0, 80.0, 20.0])
    rate = 0.002
    returns, exposures, rates = [], [], []
    for day in days:
        f = np.array([0.006, 0.002]) + np.array([0.045, 0.02]) * draw.randn(2)
        ret = rate + beta * f[0] + value * f[1] + np.array([0.03, 0.05, 0.04, 0.06]) * draw.randn(4)
        returns += zip([day] * 4, STOCKS, [f"{r:.4f}" for r in ret], strict=True)
        rates.append((day, f"{rate:.5f}"))
        beta = (0.95 * beta + 0.05 + 0.05 * draw.randn(4)).round(3)
        value = (0.98 * value + 0.10 * draw.randn(4)).round(3)
        caps = caps * (1 + ret)
        rate = max(0.0, rate + 0.0003 * draw.randn())  # of the next month, so that it differs from date to date
        exposures += zip([day] * 4, STOCKS, caps.round(2), beta, value, strict=True)
    return {
        "litterman_returns": pd.DataFrame(returns, columns=["date", "asset_id", "ret"]),
        "litterman_exposures": pd.DataFrame(exposures, columns=["date", "asset_id", "cap", "beta", "value"]),
        "litterman_rates": pd.DataFrame(rates, columns=["date", "rate"]),
    }


def files() -> dict[str, str]:
    """The text of every file of conf/data, by name."""
    frames = {"country_usa": country_usa(), **litterman()}
    return {f"{name}.csv": frame.to_csv(index=False, lineterminator="\n") for name, frame in frames.items()}


if __name__ == "__main__":
    for name, text in files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
