"""The models that the tests of the stages share."""

import pandas as pd
import pytest

from small_model import Model, make_model


@pytest.fixture(scope="session")
def panel(market) -> pd.DataFrame:
    return market.panel


@pytest.fixture(scope="session")
def short(panel) -> pd.DataFrame:
    """Twelve dates: enough for the forms of a source, and cheap."""
    days = sorted(panel["date"].unique())[:12]
    return panel[panel["date"].isin(days)].reset_index(drop=True)


@pytest.fixture(scope="session")
def built_once(market, tmp_path_factory) -> Model:
    """The whole market, run once; for reading only."""
    return make_model(market, tmp_path_factory.mktemp("built")).write(market.panel).run()


@pytest.fixture
def model(market, tmp_path) -> Model:
    """An empty lake for this test alone."""
    return make_model(market, tmp_path)
