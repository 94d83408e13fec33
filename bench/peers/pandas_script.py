"""The script that one would write instead: constrained regressions of every date, one EWMA covariance, specific variances.

python bench/peers/pandas_script.py PANEL.parquet OUT
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

STYLES = ["size", "beta", "momentum", "volatility", "reversal", "book_to_price"]


def main(source: str, out: Path) -> None:
    """Read the panel, fit its dates, write three Parquet files."""
    panel = pd.read_parquet(source).sort_values(["date", "symbol"]).set_index("symbol")
    ones = pd.Series(1.0, panel.index, name="market")
    exposures = pd.concat([ones, pd.get_dummies(panel["sector"], dtype=float), panel[STYLES]], axis=1)
    is_sector = ~exposures.columns.isin(["market", *STYLES])
    known, f, u = None, {}, {}
    for day, rows in exposures.assign(ret=panel["ret"], cap=panel["mcap_bn"]).groupby(panel["date"].to_numpy()):
        if known is not None:
            r, X, cap = rows["ret"].reindex(known.index).to_numpy(), known[exposures.columns].to_numpy(), known["cap"].to_numpy()
            shares = np.where(is_sector, cap @ X, 0.0) / cap.sum()  # sum_k m_k f_k = 0, solved for the largest sector
            basis = np.delete(np.eye(shares.size), shares.argmax(), axis=1)
            basis[shares.argmax()] = -np.delete(shares, shares.argmax()) / shares.max()
            root, fitted = cap**0.25, np.isfinite(r)
            free = np.linalg.lstsq((X @ basis * root[:, None])[fitted], (r * root)[fitted], rcond=None)[0]
            f[day], u[day] = basis @ free, pd.Series(r - X @ basis @ free, known.index)
        known = rows
    factor_returns = pd.DataFrame.from_dict(f, orient="index", columns=exposures.columns)
    specific_returns = pd.DataFrame(u).T
    factor_returns.to_parquet(out / "factor_returns.parquet")
    specific_returns.to_parquet(out / "specific_returns.parquet")
    weights = 0.5 ** (np.arange(len(f))[::-1] / 84)
    factor_cov = np.cov(factor_returns.to_numpy().T, aweights=weights, bias=True)
    pd.DataFrame(factor_cov, exposures.columns, exposures.columns).to_parquet(out / "factor_cov.parquet")
    specific_returns.ewm(halflife=84).var(bias=True).iloc[-1:].to_parquet(out / "specific_var.parquet")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
