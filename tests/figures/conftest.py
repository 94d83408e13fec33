"""Models to draw: one with everything, evaluated; one with a single country; one whose names are markup."""

import numpy as np
import pandas as pd
import pytest

from figures.drawn_models import NASTY
from sigmalake import fit
from sigmalake.reader.open_release import open_release
from sigmalake.stages.evaluate import run_evaluate
from small_model import make_model


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
