"""A model whose names would like to be markup, in two releases, and its report."""

from pathlib import Path
from typing import NamedTuple

import pytest

from report.hostile_names import ASSET, HOSTILE
from sigmalake.demo.market import generate_market
from sigmalake.reader.factor_model import FactorModel
from sigmalake.reader.open_release import open_release
from sigmalake.report.page.build import Wanted, write_report
from sigmalake.stages.evaluate import run_evaluate
from small_model import Model, make_model


class Reported(NamedTuple):
    """A report, and what it is of."""

    file: Path
    lake: Path
    first: str  # id of the release before
    model: FactorModel


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Model:
    """Two releases of sixty names, the second of which adds ten dates and restates a return."""
    market = generate_market(n_assets=60, n_dates=80, n_industries=4, n_styles=2, seed=5)
    panel = market.panel.rename(columns=HOSTILE | {f"ind_{name}": f"ind_{other}" for name, other in HOSTILE.items()})
    newest = panel[panel["date"] == panel["date"].max()]
    panel["asset_id"] = panel["asset_id"].replace(newest.loc[newest["cap"].idxmax(), "asset_id"], ASSET)
    model = make_model(market._replace(panel=panel), tmp_path_factory.mktemp("report"))
    model.body["model"] = "<i>names</i>"
    days = sorted(panel["date"].unique())
    model.write(panel[panel["date"] <= days[-11]]).run()
    panel.loc[panel.index[(panel["date"] == days[60]) & panel["ret"].notna()][:1], "ret"] += 0.01
    model.write(panel).run()
    run_evaluate(model.context())
    return model


@pytest.fixture(scope="session")
def reported(built) -> Reported:
    """The report of the second release."""
    file = built.folder / "report.html"
    written = write_report(str(built.lake_folder), Wanted(file, factors=(HOSTILE["energy"],)))
    model = open_release(built.lake_folder)
    assert (written.to, written.release, written.size) == (file, model.release_id, file.stat().st_size)
    return Reported(file, built.lake_folder, f"{sorted(built.market.panel['date'].unique())[-11]}.1", model)
