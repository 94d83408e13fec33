"""What a run would do, told from the tables alone: no session is started."""

from datetime import date

import pytest

from plain_lake import append, create
from plain_market import complete
from sigmalake.config.model import Config
from sigmalake.lake.folder import FolderTables
from sigmalake.lake.lake import Lake
from sigmalake.stages.context import Asked, Context
from sigmalake.stages.covariance import plan_covariance
from sigmalake.stages.describe import DescribePlan, Pending, PendingRows, described_versions
from sigmalake.stages.ingest import IngestPlan
from sigmalake.stages.planning import Changes, PanelState, Why, expected_cross_sections, expected_risk_models
from sigmalake.stages.queries import plan as planning
from sigmalake.stages.risk import plan_risk
from sigmalake.tables.descriptors import DESCRIPTORS, INDUSTRY_SHARES
from sigmalake.tables.evaluation import FORECAST_EVALUATION
from sigmalake.tables.long import COVARIANCE_BUILDS
from sigmalake.tables.packed import CROSS_SECTIONS, RISK_MODELS

BODY = {
    "model": "m",
    "sources": {"panel": {"path": "/no/panel.parquet"}},
    "factors": [{"market": "market"}],
    "regression": {"weights": "equal"},
}
SAMPLE = {"estimator": "sample", "window": 4, "min_periods": 2}
DAYS = [date(2024, 1, day) for day in (2, 3, 4, 5, 8)]
PANEL = [PanelState(day, after, f"in {day}", f"x {day}") for day, after in zip(DAYS, [*DAYS[1:], None], strict=True)]
NOTHING = Changes({}, {}, [])
SECTIONS = {day: f"of {day}" for day in DAYS[1:]}


@pytest.fixture
def context(tmp_path):
    def of(asked: Asked, **body: object) -> Context:
        lake = tmp_path / "lake"
        return Context(
            Lake(FolderTables(str(lake))), None, Config.model_validate({**BODY, "lake": str(lake), **body}), "run", asked
        )

    return of


@pytest.fixture
def ingested(monkeypatch):
    """The panel is as the sources have it."""

    def as_it_is(panel: list[PanelState]) -> None:
        monkeypatch.setattr(planning, "plan_ingest", lambda *_: IngestPlan(None, {}, NOTHING, panel, {}, [], None, {}))

    return as_it_is


def variants(every: str) -> dict[str, object]:
    return {"v": {"factor_cov": SAMPLE, "specific_var": SAMPLE, "every": every}}


def test_a_run_of_the_newest_date_takes_away_what_it_puts_off_the_grid(context):
    model = context(Asked(start=DAYS[-1]), risk=variants("month"))
    before = expected_risk_models(PANEL[:-1], dict(list(SECTIONS.items())[:-1]), model.config)
    rows = [complete(RISK_MODELS, {"variant": v, "date": day, "inputs_hash": value}) for (v, day), value in before.items()]
    append(model.lake.root, RISK_MODELS, rows)
    found = plan_risk(model, PANEL, SECTIONS)
    assert (list(found.compute), found.remove) == ([("v", DAYS[-1])], [("v", DAYS[-2])])


def test_a_run_of_the_newest_date_takes_away_the_last_covariance_before_it(context):
    model = context(Asked(start=DAYS[-1]), risk=variants("day"), covariance={"dates": "last"})
    row = {"variant": "v", "date": DAYS[-2], "exposures": "known", "exposure_date": DAYS[-2], "inputs_hash": "before"}
    append(model.lake.root, COVARIANCE_BUILDS, [complete(COVARIANCE_BUILDS, row)])
    found = plan_covariance(model, PANEL, {("v", day): f"of {day}" for day in DAYS[1:]})
    assert (list(found.compute), found.remove) == ([("v", DAYS[-1])], [("v", DAYS[-2])])


def test_a_plan_names_prices_that_no_descriptor_rests_on_and_forecasts_that_were_evaluated_before(context, ingested, monkeypatch):
    model = context(Asked(), risk=variants("day"), sources={**BODY["sources"], "prices": {"path": "/no/prices.parquet"}})
    create(model.lake.root, FORECAST_EVALUATION)
    prices = NOTHING._replace(compute={DAYS[0]: "h"}, why={DAYS[0]: Why.INPUT}, remove=[DAYS[1]])
    monkeypatch.setattr(planning, "plan_describe", lambda _: DescribePlan(None, prices, NOTHING, [], {}, NOTHING, NOTHING))
    ingested(PANEL)
    planned = {stage.stage: stage for stage in planning.plan(model)}
    assert list(planned) == ["describe", "ingest", "quality", "regress", "risk", "covariance", "release", "evaluate"]
    assert (planned["describe"].compute, planned["describe"].remove) == ({DAYS[0]: Why.INPUT}, [DAYS[1]])
    assert planned["evaluate"].compute == dict.fromkeys(DAYS[1:-1], Why.NEW)  # the newest forecast has not met its return


def test_a_file_of_portfolios_that_only_evaluate_reads_fails_its_line_of_a_plan_and_no_other(context, ingested):
    model = context(Asked(), risk=variants("day"), evaluate={"portfolios": "/no/portfolios.csv"})
    ingested(PANEL)
    create(model.lake.root, FORECAST_EVALUATION)
    planned = {stage.stage: stage for stage in planning.plan(model)}
    assert list(planned["regress"].compute) == DAYS[1:]
    assert planned["evaluate"].error.startswith("evaluate.portfolios: there is no file /no/portfolios.csv")
    assert [stage for stage, found in planned.items() if found.error] == ["evaluate"]


def test_a_plan_names_exposure_stability_that_is_all_that_regress_has_to_do(context, ingested):
    days = [date(2023, 12, 29), *DAYS, date(2024, 2, 1)]  # January is over
    panel = [PanelState(day, after, f"in {day}", f"x {day}") for day, after in zip(days, [*days[1:], None], strict=True)]
    ingested(panel)
    model = context(Asked(), factors=[{"styles": ["size"], "as_given": True}])
    hashes = expected_cross_sections(panel, model.config)
    append(model.lake.root, CROSS_SECTIONS, [complete(CROSS_SECTIONS, {"date": d, "inputs_hash": h}) for d, h in hashes.items()])
    planned = {stage.stage: stage for stage in planning.plan(model)}
    assert (planned["regress"].compute, planned["regress"].rows) == ({DAYS[-1]: Why.NEW}, 1)


def test_a_run_of_some_dates_computes_no_others(context):
    model = context(Asked(DAYS[2], DAYS[3]), risk=variants("day"))
    assert list(plan_risk(model, PANEL, SECTIONS).compute) == [("v", DAYS[2]), ("v", DAYS[3])]


def test_a_described_date_that_a_run_will_remove_counts_as_gone(context):
    prices = {"path": "/no/prices.parquet", "columns": {"cap": "cap"}}
    segments = {"path": "/no/segments.parquet", "columns": {"assets": "assets"}}
    factors = [{"membership": "industry", "segments": True}, {"styles": {"size": {}}}]
    sources = {**BODY["sources"], "prices": prices, "segments": segments}
    model = context(Asked(), sources=sources, factors=factors)
    seen = []
    for day in DAYS[:2]:
        for table in (DESCRIPTORS, INDUSTRY_SHARES):
            append(model.lake.root, table, [complete(table, {"date": day, "inputs_hash": f"of {day}"})])
        seen.append(described_versions(model, Pending()))
    without = PendingRows(remove=[DAYS[1]])
    assert described_versions(model, Pending(without, without)) == seen[0]
    assert all(seen[0][name] != seen[1][name] for name in ("descriptors", "industry_shares"))
