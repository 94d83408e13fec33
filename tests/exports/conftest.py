"""A small fitted model that has all that an export may say: linked issues, a regime, refused assets, names that Excel minds."""

import numpy as np
import pytest
from hard_names import FORMULA, LONG

from sigmalake import fit
from sigmalake.demo.market import generate_market

VARIANT = {
    "factor_cov": {"estimator": "ewma", "half_life": 15, "window": 40, "min_periods": 30, "regime": {"half_life": 10}},
    "specific_var": {"estimator": "ewma", "half_life": 15, "window": 40, "min_periods": 25, "linked": {"min_periods": 25}},
}


@pytest.fixture(scope="session")
def exported_panel():
    """Forty names over seventy dates, of which A40 lists late; A07 and A08 are shares of one issuer."""
    panel = generate_market(n_assets=40, n_dates=70, n_industries=4, n_styles=2, seed=3).panel
    shares = panel[[name for name in panel.columns if name.startswith("ind_")]]
    sectors = [LONG, "Banks", "Mining", "Software"]
    return panel.assign(
        sector=np.array(sectors)[shares.to_numpy().argmax(axis=1)],
        issuer=panel["asset_id"].replace({"A08": "A07"}),
        asset_id=panel["asset_id"].replace({"A04": FORMULA}),
    )


@pytest.fixture(scope="session")
def exported_model(exported_panel):
    """Its model in memory."""
    return fit(
        exported_panel, returns="ret", caps="cap", groups=["sector"], styles=["size", "value"], in_estimation="in_estimation",
        issuer_id="issuer", risk={"short": VARIANT},
    )  # fmt: skip


@pytest.fixture(scope="session")
def exported_lake(exported_model, tmp_path_factory):
    """The same as a lake."""
    folder = tmp_path_factory.mktemp("exports") / "lake"
    exported_model.save(folder)
    return folder
