"""One lake that most tests read: the shared market with a learned category, every stage run once."""

import pytest
from built import Built, model_of, run_stages, with_countries, write_parquet


@pytest.fixture(scope="session")
def base(spark, market, tmp_path_factory) -> Built:
    """The whole market, run once; for reading and for copying only."""
    folder = tmp_path_factory.mktemp("base")
    panel = with_countries(market)
    source = write_parquet(panel, folder / "panel.parquet")
    return run_stages(spark, Built(folder / "lake", model_of(panel, source), panel))
