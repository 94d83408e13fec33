"""Models of one country, and a name that is markup."""

import numpy as np
import pandas as pd

from sigmalake import fit

NASTY = '<b>x</b><a href="https://example.org">&amp;</a>%{x}$y$'


def country_panel(fractional, seed=3):
    """40 stocks over 30 days, of which some are of one country, wholly or in part."""
    rng = np.random.default_rng(seed)
    share = rng.uniform(0, 1, 40) if fractional else (rng.random(40) < 0.4).astype(float)
    days = pd.bdate_range("2024-01-01", periods=30)
    frames = [
        pd.DataFrame({"date": day, "asset_id": [f"A{n:02d}" for n in range(40)], "ret": 0.01 * rng.standard_normal() * share
                      + 0.02 * rng.standard_normal(40), "usa": share, "cap": np.exp(rng.standard_normal(40))})
        for day in days
    ]  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def country_model(fractional, market):
    """A model whose only factor but the market is a country."""
    factors = [{"market": "market"}] if market else []
    body = {"factors": [*factors, {"membership": "country", "columns": {"USA": "usa"}, "partial": True}], "risk": {}}
    return fit(country_panel(fractional), caps="cap", config=body)
