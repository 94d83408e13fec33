"""Models to draw: one with everything, evaluated; one with a single country; one whose names are markup."""

import numpy as np
import pandas as pd
import pytest

from sigmalake import fit
from sigmalake.reader.open_release import open_release
from sigmalake.stages.evaluate import run_evaluate
from small_model import make_model

NASTY = '<b>x</b><a href="https://example.org">&amp;</a>%{x}$y$'


@pytest.fixture(scope="package")
def full(tmp_path_factory, market):
    """Market, four industries, two styles; two variants, evaluated."""
    made = make_model(market, tmp_path_factory.mktemp("figures")).write(market.panel).run()
    run_evaluate(made.context())
    return made


@pytest.fixture(scope="package")
def model(full):
    return open_release(full.lake_folder)


@pytest.fixture(scope="package")
def plots(model):
    return model.plot


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


@pytest.fixture(scope="package")
def nasty():
    """A sector, a style, a variant and assets that are called like markup."""
    rng = np.random.default_rng(4)
    days = pd.bdate_range("2023-01-02", periods=90)
    frames = []
    style = rng.standard_normal(30)
    for day in days:
        style = 0.98 * style + 0.2 * rng.standard_normal(30)
        frames.append(
            pd.DataFrame(
                {
                    "date": day,
                    "asset_id": [f"{NASTY}{n}" for n in range(30)],
                    "ret": 0.02 * rng.standard_normal(30),
                    NASTY + "s": style,
                    "sector": [NASTY if n % 2 else "other" for n in range(30)],
                    "cap": np.exp(rng.standard_normal(30)),
                }
            )
        )
    estimators = {
        "factor_cov": {"estimator": "sample", "window": 20, "min_periods": 12},
        "specific_var": {"estimator": "sample", "window": 20, "min_periods": 8},
    }
    panel = pd.concat(frames, ignore_index=True)
    return fit(panel, caps="cap", groups=["sector"], styles=[NASTY + "s"], risk={"v": estimators})
