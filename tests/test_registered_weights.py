"""Weights and descriptors of another package, in the place of ours: docs/your_estimators.md, built into a wheel and installed."""

import json
import re
from dataclasses import replace
from functools import partial
from zipfile import ZipFile

import numpy as np
import pytest
import yaml
from jsonschema import Draft202012Validator
from numpy.testing import assert_allclose, assert_array_equal

from registered_packages import ROOT, on_path
from sigmalake.config.model import load_config
from sigmalake.config.texts.annotated import annotated
from sigmalake.config.texts.json_schema import config_schema
from sigmalake.config.texts.reference import reference_page
from sigmalake.demo.market import generate_market
from sigmalake.engines.spark.engine import SparkEngine
from sigmalake.errors import ConfigError
from sigmalake.lake.dates import DateRange
from sigmalake.lake.row_filter import of_dates
from sigmalake.numerics.registry.estimator import KernelError
from sigmalake.numerics.registry.group import section_of
from sigmalake.numerics.regression.rules import WEIGHTS
from sigmalake.stages.context import factor_sets
from sigmalake.stages.planning import panel_states
from sigmalake.stages.run import run_stage
from sigmalake.tables.descriptors import DESCRIPTORS
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL
from sigmalake.tasks.chunks import AsOf, chunks_of
from sigmalake.tasks.descriptors import FIGURES, ComputeDescriptors, no_figures
from sigmalake.tasks.regression import FitDates
from small_model import make_model

RELATIVE = 1e-12
WINDOW = {"window": 8, "half_life": 4}
CALM = {"estimator": "our_volatility", "settings": WINDOW}
SHORT = {name: {"window": 6} for name in ("beta", "momentum", "turnover_1m", "turnover_3m", "turnover_12m", "reversal")}
RULES = {"prices": {"month": 2, "range_months": 2, "daily_volatility": WINDOW, **SHORT}}
STYLES = {
    "ours": {"descriptors": {"daily_volatility": 1.0}, "missing": "zero"},
    "theirs": {"descriptors": {"calm": 1.0}, "missing": "zero"},
}
TWO_PASS = {"half_life": 5, "window": 12, "min_periods": 4}
WEIGHTED = {  # ours, and the same of another package
    "sqrt_cap": ({"weights": "sqrt_cap"}, {"weights": "our_power"}),
    "inverse_specific_var": tuple({"weights": name, "two_pass": TWO_PASS} for name in ("inverse_specific_var", "inverse_var")),
}


@pytest.fixture(scope="module")
def site(registered_packages):
    with on_path(registered_packages):
        yield registered_packages[0]


@pytest.fixture(scope="module")
def model(site, tmp_path_factory):
    market = generate_market(n_assets=24, n_dates=26, n_industries=2, n_styles=1, seed=7)
    made = make_model(market, tmp_path_factory.mktemp("model")).write(market.panel)
    made.body["sources"]["prices"] = {"path": made.body["sources"]["panel"]["path"], "columns": {"cap": "cap"}}
    made.body["descriptors"] = {**RULES, "registered": {"calm": CALM}}
    made.body["factors"][2] = {"styles": STYLES}
    made.body |= {"risk": {}, "covariance": None}
    for stage in ("describe", "ingest"):
        made.stage(stage)
    return made


def numbers(rows, column):
    return np.array([one for row in rows[column] for one in row], dtype=float)


def test_a_rewritten_descriptor_is_ours_from_the_windows_to_the_exposures(model):
    rows = model.rows(DESCRIPTORS)
    assert {tuple(names) for names in rows["registered"]} == {("calm",)}
    ours = numbers(rows, "daily_volatility")
    assert 0.3 < np.isfinite(ours).mean() < 1
    assert_allclose(numbers(rows, "registered_values"), ours, rtol=RELATIVE)
    styles = np.concatenate([np.reshape(row, (-1, 2)) for row in model.rows(PANEL)["styles"]])
    assert np.ptp(styles[:, 0]) > 1
    assert_allclose(styles[:, 1], styles[:, 0], rtol=1e-9, atol=RELATIVE)


@pytest.mark.parametrize("name", WEIGHTED)
def test_rewritten_weights_are_ours(model, name):
    found = []
    for rules in WEIGHTED[name]:
        changed = replace(model, body={**model.body, "regression": rules})
        changed.stage("regress")
        assert not changed.plan()["regress"]
        found.append(changed.rows(CROSS_SECTIONS).sort_values("date"))
    ours, theirs = found
    assert (ours["status"] == "ok").sum() == 25
    assert_array_equal(theirs["status"], ours["status"])
    for column in ("factor_return", "std_error", "specific_return", "weight"):
        assert_allclose(numbers(theirs, column), numbers(ours, column), rtol=1e-11, atol=1e-15, err_msg=column)
    assert_allclose(numbers(theirs, "weight"), numbers(ours, "weight"), rtol=RELATIVE)


def test_a_raised_version_makes_its_own_rows_stale(model, monkeypatch):
    import oursigma

    changed = replace(model, body={**model.body, "regression": {"weights": "our_power"}})
    changed.stage("regress")

    def stale():
        section_of.cache_clear()
        planned = changed.plan()
        return {stage: set(planned[stage].values()) for stage in ("describe", "ingest", "regress") if planned[stage]}

    assert stale() == {}
    with monkeypatch.context() as patch:
        patch.setattr(oursigma, "WEIGHTS", oursigma.WEIGHTS._replace(version="2"))
        assert stale() == {"regress": {"computed by another version"}}
    with monkeypatch.context() as patch:
        patch.setattr(oursigma, "VOLATILITY", oursigma.VOLATILITY._replace(version="2"))
        found = stale()
        assert found["describe"] == {"computed by another version"}
        assert found["ingest"] == {"input changed"}
        assert found["regress"] == {"upstream changed"}
    section_of.cache_clear()


def test_a_date_on_which_a_kernel_fails_says_so_in_its_row(model, tmp_path):
    copy = model.copied_to(tmp_path)
    copy.body["sources"]["prices"] = {**model.body["sources"]["prices"], "path": copy.body["sources"]["panel"]["path"]}
    half = {"estimator": "half_known", "settings": {**WINDOW, "window": 3}}
    copy.body |= {
        "descriptors": {**RULES, "registered": {"calm": half}},
        "regression": {"weights": {"estimator": "raises_weights", "settings": {**WINDOW, "window": 24}}},
    }
    context = copy.context()
    run_stage(context, "describe")
    for stage in ("ingest", "regress"):
        copy.stage(stage)
    rows = copy.rows(DESCRIPTORS).sort_values("date")
    raised = "calm: half_known raised ZeroDivisionError: of ours"
    assert rows["detail"].tolist() == [raised, raised, *[None] * (len(rows) - 2)]
    assert context.warnings == [f"descriptors have no value on 2 dates, the first {rows['date'].iloc[0]}: {raised}"]
    sections = copy.rows(CROSS_SECTIONS)
    n = np.array([sum(flags) for flags in sections["in_estimation"]])
    assert (n < 24).sum() > 0
    assert_array_equal(sections["status"] == "no_weights", n < 24)
    assert set(sections["detail"][n < 24]) == {"raises_weights raised ZeroDivisionError: of ours"}


def test_weights_are_of_the_estimation_universe(site):
    caps, inside, column = np.array([4.0, 9.0, 16.0]), np.array([True, False, True]), np.array([1.0, 2.0, 0.0])
    of = {name: WEIGHTS.section(name)() for name in ("our_power", "their_column", "below_0", "zeros")}
    assert_array_equal(of["our_power"].of_date(caps, None, None, inside), [2.0, 0.0, 4.0])
    assert_array_equal(of["their_column"].of_date(caps, column, None, inside), [1.0, 0.0, 0.0])
    for name, words in (
        ("their_column", "their_column: weights has 2 of 2 values that are negative, NaN or infinite"),
        ("below_0", "below_0: weights has 2 of 2 values"),
        ("zeros", "zeros: all 2 weights are 0"),
    ):
        with pytest.raises(KernelError, match=words):
            of[name].of_date(caps, None, None, inside)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"regression": {"weights": "our_powr"}}, "'inverse_specific_var', .*'our_power'"),
        ({"regression": {"weights": {"estimator": "our_power", "settings": {"powr": 1}}}}, "weights.settings.powr: unknown key"),
        ({"regression": {"weights": {"estimator": "equal", "settings": {}}}}, "equal is without settings: write the word alone"),
        ({"regression": {"weights": {"settings": {}}}}, "weights.estimator: is missing"),
        (
            {"regression": {"weights": "our_power", "two_pass": {"max_ratio": 9}}},
            "a package's kernel gives its weights as they are",
        ),
        ({"regression": {"weights": "raises_weights"}}, "settings: is missing"),
        ({"descriptors": {"registered": {"beta": CALM}}}, "beta is a descriptor of the library; give yours another name"),
        ({"descriptors": {"registered": {"calm": CALM, "idle": CALM}}}, "registered.idle is in no style with rules"),
        ({"descriptors": {"registered": {"calm": {"estimator": "our_vol"}}}}, "calm.estimator: 'our_vol' is unknown; .*'our_volat"),
        ({"descriptors": {"registered": {"calm": {"estimator": "unwindowed"}}}}, "PowerSettings has no `window`"),
        ({"descriptors": {"registered": {"calm": {}}}}, "registered.calm.estimator: is missing"),
    ],
)
def test_a_mistake_is_one_of_the_configuration(model, change, words):
    with pytest.raises(ConfigError, match=words):
        load_config({**model.body, **change})


def test_the_configuration_of_the_page_is_one(model):
    page = (ROOT / "docs/your_estimators.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (given,) = (found for text in blocks if "registered" in (found := yaml.safe_load(text)).get("descriptors", {}))
    sources = {**model.body["sources"], **given["sources"]}
    config = load_config({"model": "m", "lake": "lake", **given, "sources": sources})
    assert (config.regression.weights.settings.power, config.described_columns) == (0.5, ["calm"])


def test_schema_and_validate_and_the_reference_know_them(model):
    schema = Draft202012Validator(json.loads(json.dumps(config_schema())))
    body = {name: value for name, value in model.body.items() if value is not None}
    for weights in ("equal", "our_power", {"estimator": "our_power", "settings": {"power": 1}}):
        assert not list(schema.iter_errors({**body, "regression": {"weights": weights}})), weights
    for weights in ("our_powr", "raises_weights", {"estimator": "our_power", "settings": {"powr": 1}}, {"settings": {}}):
        assert list(schema.iter_errors({**body, "regression": {"weights": weights}})), weights
    for calm in ({"estimator": "our_volatility", "settings": {"window": 5}}, {"estimator": "our_power"}):
        assert list(schema.iter_errors({**body, "descriptors": {"registered": {"calm": calm}}})), calm
    given = {**body, "regression": {"weights": "our_power"}}
    shown = annotated(load_config(given), given)
    assert "estimator: our_power" in shown and "power: 0.5" in shown and "half_life: 4.0" in shown
    page = reference_page()
    assert "`regression.weights.settings.power`" in page
    assert "`descriptors.registered.NAME.settings`" in page


@pytest.mark.jvm
def test_executors_of_spark_take_weights_and_descriptors_from_a_zip(model, site, spark, tmp_path):
    with ZipFile(tmp_path / "oursigma.zip", "w") as packed:
        packed.write(site / "oursigma.py", "oursigma.py")
    spark.sparkContext.addPyFile(str(tmp_path / "oursigma.zip"))
    changed = replace(model, body={**model.body, "regression": {"weights": "our_power"}})
    changed.stage("regress")
    context = replace(changed, open_engine=partial(SparkEngine, spark)).context()
    states = [row for row in panel_states(context.lake) if row.return_date][-3:]
    days = [row.return_date for row in states]
    fit = FitDates(factor_sets(context.lake), context.config.regression, dict.fromkeys(days, ""))
    between = of_dates("return_date", [DateRange(days[0], days[-1])])
    found = context.engine.collect(context.engine.map_rows(fit, between)).to_pylist()
    stored = changed.rows(CROSS_SECTIONS).set_index("date")
    assert sorted(row["date"] for row in found) == days
    for row in found:
        assert_allclose(np.array(row["specific_return"], float), stored.loc[row["date"], "specific_return"], rtol=RELATIVE)
    rows = changed.rows(DESCRIPTORS).sort_values("date").set_index("date")
    calendar = list(rows.index)
    chunks = chunks_of([AsOf("", len(calendar) - 1, "", 0)], 8)
    task = ComputeDescriptors(calendar, chunks, context.config.descriptors)
    given = {FIGURES: context.engine.driver_rows(no_figures())}
    (row,) = context.engine.collect(context.engine.map_parts(task, given)).to_pylist()
    assert_allclose(row["registered_values"], rows.iloc[-1]["registered_values"], rtol=RELATIVE)
