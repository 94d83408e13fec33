"""Estimators of another package: docs/your_estimators.md, built into a wheel, installed, and named in a configuration."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from zipfile import ZipFile

import cloudpickle
import numpy as np
import pytest
from jsonschema import Draft202012Validator
from numpy.testing import assert_allclose, assert_array_equal
from typer.testing import CliRunner

from registered_packages import on_path
from sigmalake.cli import app as cli
from sigmalake.config.model import Config, load_config
from sigmalake.config.texts.reference import reference_page
from sigmalake.demo.market import generate_market
from sigmalake.engines.local import workers
from sigmalake.engines.local.engine import LocalEngine
from sigmalake.engines.local.tables import LocalTables
from sigmalake.engines.spark.engine import SparkEngine
from sigmalake.errors import ConfigError
from sigmalake.numerics.factor_cov.estimators import FACTOR_COV, EwmaFactorCov
from sigmalake.numerics.registry.group import section_of
from sigmalake.numerics.specific_risk.estimators import SPECIFIC_VAR, EwmaSpecificVar
from sigmalake.stages import risk
from sigmalake.tables.packed import RISK_MODELS
from small_model import make_model

ROOT = Path(__file__).parents[1]
RELATIVE = 1e-12
OURS = {"estimator": "ewma", "half_life": 8, "window": 20, "min_periods": 8}
THEIRS = {"estimator": "our_ewma", "settings": {"half_life": 8, "window": 20}, "min_periods": 8}
LAYERS = {
    "factor_cov": {"eigenvalue_floor": 0.01, "regime": {"half_life": 4}},
    "specific_var": {"lags": 2, "lags_half_life": 8, "lags_window": 20, "size_shrinkage": {}, "regime": {"half_life": 4}},
}
VARIANTS = {
    name: {section: {**given, **layers} for section, layers in LAYERS.items()}
    for name, given in {"ours": OURS, "theirs": THEIRS}.items()
}
FAILING = {
    "failing": {"factor_cov": {**THEIRS, "estimator": "raises"}, "specific_var": THEIRS, "every": "month"},
    "wild": {"factor_cov": THEIRS, "specific_var": {**THEIRS, "estimator": "negative_var"}, "every": "month"},
}


@pytest.fixture(scope="module")
def site(registered_packages):
    with on_path(registered_packages):
        yield registered_packages[0]


@pytest.fixture(scope="module")
def model(site, tmp_path_factory):
    market = generate_market(n_assets=30, n_dates=36, n_industries=2, n_styles=1, seed=5)
    made = make_model(market, tmp_path_factory.mktemp("model")).write(market.panel)
    made.body |= {"risk": VARIANTS | FAILING, "covariance": None}
    for stage in ("ingest", "regress"):
        made.stage(stage)
    made.open_engine = lambda lake: LocalEngine(LocalTables(lake, 2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "WORTH_A_PROCESS", 0)
        patch.setattr(risk, "LEAST_DATES", 8)
        patch.setattr(risk, "MOST_DATES", 8)
        made.stage("risk")
    return made


def test_the_rows_of_a_rewritten_ewma_are_those_of_ours_with_their_layers(model):
    rows = model.rows(RISK_MODELS).set_index(["variant", "date"])
    ours, theirs = rows.loc["ours"], rows.loc["theirs"]
    assert (ours["status"] == "ok").sum() > 20
    for column in ("status", "factors", "asset_id", "n_obs", "n_periods", "source"):
        for one, other in zip(ours[column], theirs[column], strict=True):
            assert_array_equal(one, other)
    for column in ("factor_cov", "specific_var", "ts_var", "regime_multiplier", "effective_periods"):
        for one, other in zip(ours[column], theirs[column], strict=True):
            assert_allclose(np.asarray(other, dtype=float), np.asarray(one, dtype=float), rtol=RELATIVE, atol=1e-19, err_msg=column)


def test_a_date_on_which_a_kernel_fails_says_so_in_its_row(model):
    rows = model.rows(RISK_MODELS).groupby("variant").last()
    assert rows.loc["failing", ["status", "detail"]].tolist() == ["no_factor_cov", "raises raised ZeroDivisionError: of ours"]
    wild = rows.loc["wild"]
    assert wild["status"] == "no_specific_var"
    assert re.fullmatch(r"negative_var: var has (\d+) of \1 values that are negative or infinite", wild["detail"])
    assert len(wild["factors"]) == 4
    assert np.isnan(np.asarray(wild["specific_var"], dtype=float)).all()


def test_a_raised_version_makes_the_rows_of_its_variants_stale_and_no_others(model, monkeypatch):
    def stale():
        found = risk.plan_risk(context, risk.panel_states(context.lake), risk.stored_cross_sections(context.lake))
        return {name for name, _ in found.compute}, {why.value for why in found.why.values()}

    context = model.context()
    assert stale() == (set(), set())
    import oursigma

    monkeypatch.setattr(oursigma, "SPECIFIC_VAR", oursigma.SPECIFIC_VAR._replace(version="2.1"))
    section_of.cache_clear()
    context = model.context()
    assert stale() == ({"theirs", "failing"}, {"computed by another version"})
    section_of.cache_clear()


def test_schema_and_validate_and_the_reference_know_it(model, tmp_path):
    schema = json.loads(CliRunner().invoke(cli.app, ["schema"]).stdout)
    body = {**model.body, "risk": {"theirs": VARIANTS["theirs"]}}
    del body["covariance"]
    assert not list(Draft202012Validator(schema).iter_errors(body))
    body["risk"]["theirs"] = {"factor_cov": {"estimator": "our_ewma", "settings": {"half_lif": 8}}}
    assert list(Draft202012Validator(schema).iter_errors(body))
    (tmp_path / "c.yaml").write_text(json.dumps({**body, "risk": {"theirs": VARIANTS["theirs"]}}))
    printed = CliRunner().invoke(cli.app, ["validate", "-c", str(tmp_path / "c.yaml"), "--defaults"])
    assert printed.exit_code == 0, printed.output
    assert re.search(r"estimator: our_ewma\n.*settings:\n.*half_life: 8.0 +# periods\n", printed.stdout, re.DOTALL)
    assert "of `our_ewma`: half-life of the weights" in reference_page() or "half-life of the weights |" in reference_page()
    assert "`risk.NAME.{factor_cov, specific_var}.settings.half_life`" in reference_page()


@pytest.mark.parametrize(
    ("factor_cov", "words"),
    [
        (
            {**THEIRS, "settings": {"half_life": 8, "windw": 20}},
            "factor_cov.settings.windw: unknown key; did you mean `window`",
        ),
        ({**THEIRS, "settings": {"half_life": -8}}, r"settings.half_life: .*greater than 0"),
        ({**THEIRS, "settings": {}}, "settings.half_life: is missing. It means: half-life of the weights"),
        ({**THEIRS, "min_periods": 21}, "min_periods is 21; it must be from 2 to the window of 20 periods"),
        ({**THEIRS, "lags": 3}, "factor_cov.lags: unknown key"),
        ({"estimator": "our_ewm"}, "'our_ewm' is unknown; it must be one of 'sample', 'ewma', .*'our_ewma'"),
        ({"estimator": "gone"}, "of the package wrongsigma 1.0: nosuchmodule:X cannot be imported: ModuleNotFoundError"),
        ({"estimator": "function"}, r"function; it must be an Estimator\(kernel, settings, version\)"),
        ({"estimator": "loose"}, "Loose must have model_config"),
    ],
)
def test_a_mistake_is_one_of_the_configuration(model, factor_cov, words):
    body = {**model.body, "risk": {"theirs": {"factor_cov": factor_cov}}}
    with pytest.raises(ConfigError, match=words):
        load_config(body)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("changes", "changes raised ValueError: assignment destination is read-only"),
        ("shape", r"shape: cov has shape \(7, 7\); it must be \(3, 3\)"),
        ("nan", "nan: cov has 9 of 9 values that are NaN or infinite"),
        ("negative", "negative: cov is no covariance: its least eigenvalue is -1"),
        ("flat", "flat: cov has 3 of 3 variances that are 0 or negative"),
        ("no_tuple", "no_tuple gave ndarray; it must give a named tuple with `cov`"),
    ],
)
def test_what_is_no_covariance_is_an_answer_with_its_reason(site, name, words):
    section = FACTOR_COV.section(name)
    settings = section.found.settings(half_life=5, window=20)
    found = section(settings=settings).estimate(np.random.default_rng(1).normal(size=(20, 3)))
    assert found.kept.size == 0
    assert re.fullmatch(words, found.diagnostics[0].detail)


def test_gaps_short_histories_and_factors_that_never_move_are_as_of_ours(site):
    F = np.random.default_rng(2).normal(0, 0.01, (60, 5))
    F[::9, 1] = np.nan
    F[:50, 3] = np.nan
    F[:, 4] = 0.02
    section = FACTOR_COV.section("our_ewma")
    ours = EwmaFactorCov(half_life=9, window=30, min_periods=15).estimate(F)
    theirs = section(settings=section.found.settings(half_life=9, window=30), min_periods=15).estimate(F)
    assert_allclose(theirs.cov, ours.cov, rtol=RELATIVE)
    assert (theirs.kept.tolist(), theirs.left_out) == (ours.kept.tolist(), ours.left_out)
    u = F[:, [0, 1, 3]]
    section = SPECIFIC_VAR.section("our_ewma")
    theirs = section(settings=section.found.settings(half_life=9, window=30), min_periods=15).estimate(u, np.array([30, 59]))
    ours = EwmaSpecificVar(half_life=9, window=30, min_periods=15).estimate(u, np.array([30, 59]))
    assert_allclose(theirs.var, ours.var, rtol=RELATIVE)
    assert_array_equal(theirs.n_obs, ours.n_obs)


def test_a_process_without_the_metadata_takes_what_the_driver_sends(site, tmp_path):
    """As an executor does that has the package from `--py-files`."""
    sources = {**BODY["sources"], "prices": {"path": "p.parquet"}}
    described = {"registered": {"calm": {"estimator": "our_volatility", "settings": {"window": 2, "half_life": 1}}}}
    factors = [{"styles": {"calm": {}}}]
    regression = {"weights": {"estimator": "our_power", "settings": {"power": 2}}}
    more = {"sources": sources, "descriptors": described, "factors": factors, "regression": regression}
    config = Config.model_validate({**BODY, **more, "risk": {"theirs": VARIANTS["theirs"]}})
    variant = config.risk["theirs"]
    (tmp_path / "sent").write_bytes(cloudpickle.dumps((variant, config.regression.weights, config.descriptors.registered["calm"])))
    shutil.copy(site / "oursigma.py", tmp_path)
    script = (
        "import pickle, sys, numpy as np\n"
        "found, weights, calm = pickle.load(open('sent', 'rb'))\n"
        "from importlib.metadata import entry_points\n"
        "assert not entry_points(group='sigmalake.factor_cov')\n"
        "assert weights.of_date(np.array([3.0]), None, None, np.array([True])) == [9.0]\n"
        "assert (calm.estimator, calm.look_back, calm.version) == ('our_volatility', 2, '1')\n"
        "print(found.factor_cov.estimate(np.arange(20.0)[:, None] ** 2).cov[0, 0])"
    )
    environment = {"PYTHONPATH": f"{ROOT / 'lib'}:{tmp_path}", "OMP_NUM_THREADS": "1"}
    said = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr
    assert float(said.stdout) == variant.factor_cov.estimate(np.arange(20.0)[:, None] ** 2).cov[0, 0]


@pytest.mark.jvm
def test_executors_of_spark_take_the_package_from_a_zip(model, site, spark, tmp_path):
    with ZipFile(tmp_path / "oursigma.zip", "w") as packed:
        packed.write(site / "oursigma.py", "oursigma.py")
    spark.sparkContext.addPyFile(str(tmp_path / "oursigma.zip"))
    body = {**model.body, "risk": {**VARIANTS, "again": {**VARIANTS["theirs"], "every": "month"}}}
    context = replace(model, body=body, open_engine=partial(SparkEngine, spark)).context()
    states, sections = risk.panel_states(context.lake), risk.stored_cross_sections(context.lake)
    rows = risk._estimated(context, risk.plan_risk(context, states, sections), sorted(sections), [])
    found = {row["date"]: row for row in context.engine.collect(rows).to_pylist()}
    stored = model.rows(RISK_MODELS).query("variant == 'theirs'").set_index("date")
    assert {row["variant"] for row in found.values()} == {"again"}
    assert len(found) == 2
    for day, row in found.items():
        for column in ("factor_cov", "specific_var"):
            assert_allclose(np.asarray(row[column], dtype=float), np.asarray(stored.loc[day, column], dtype=float), rtol=RELATIVE)


BODY = {
    "model": "m",
    "lake": "lake",
    "sources": {"panel": {"path": "p.parquet", "columns": {"cap": "cap"}}},
    "factors": [{"market": "market"}],
}
