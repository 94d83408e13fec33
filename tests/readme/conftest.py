"""The lake that README.md's commands make, by the local engine."""

import numpy as np
import pytest
from small_lake import NAMED, run_commands

from sigmalake.reader.open_release import open_release


@pytest.fixture(scope="package")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("readme")


@pytest.fixture(scope="package")
def printed(folder):
    """What each command prints, by its verb."""
    return run_commands(folder)


@pytest.fixture(scope="package")
def model(folder, printed):
    return open_release(folder / "lakes/mine")


@pytest.fixture(scope="package")
def V(model):  # noqa: N802 - the model's symbol
    """V of the two assets, from X, Sigma and Delta as the reader gives them."""
    risk = model.risk()
    rows = [risk.assets.index(asset) for asset in NAMED]
    X = risk.exposures[rows]
    return X @ risk.factor_cov @ X.T + np.diag(risk.specific_var[rows])
