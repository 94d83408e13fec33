"""A lake of six releases, a day after the other, the last of which restates a return."""

import shutil
from pathlib import Path

import pytest

from sigmalake.demo.market import generate_market
from small_model import Model, make_model

N_RELEASES = 6


@pytest.fixture(scope="session")
def six_releases(tmp_path_factory) -> Model:
    """Five days, and a sixth run for a return that was restated."""
    market = generate_market(n_assets=40, n_dates=60, n_industries=3, n_styles=2, seed=5)
    model = make_model(market, tmp_path_factory.mktemp("six"))
    days = sorted(market.panel["date"].unique())
    for newest in days[40:45]:
        panel = market.panel[market.panel["date"] <= newest]
        model.write(panel).run()
    restated = panel.copy()
    restated.loc[restated.index[(restated["date"] == days[42]) & restated["ret"].notna()][:1], "ret"] += 0.01
    return model.write(restated).run()


@pytest.fixture
def model(six_releases, tmp_path) -> Model:
    """The same lake in a folder of the test's own; no file of it is young."""
    copied = six_releases.copied_to(tmp_path)
    copied.body["retention"] = {"hours": 0}
    return copied


def remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
